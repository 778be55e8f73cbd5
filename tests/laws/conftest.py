"""Makes `draws` importable by name: tests are no package, and every law draws its cases there."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
