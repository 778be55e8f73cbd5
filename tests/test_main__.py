"""`python -m recurra` is the command."""

from __future__ import annotations

import subprocess
import sys

from recurra import __version__


def test_the_module_is_the_command() -> None:
    run = [sys.executable, "-m", "recurra", "--version"]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stdout == f"recurra, version {__version__}\n"
