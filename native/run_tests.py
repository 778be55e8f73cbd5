"""Run the tests of the kernels on an extension that was built apart: emulated or with sanitizers.

python native/run_tests.py BUILD_FOLDER [pytest's arguments]
"""

from __future__ import annotations

import os
import runpy
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# An editable install answers for the package ahead of every path.
PATHS_FIRST = """import sys
sys.meta_path[:] = [f for f in sys.meta_path if "Redirecting" not in type(f).__name__]
"""


def main() -> None:
    """Put the package and that extension side by side, import from there, test."""
    build = Path(sys.argv[1]).resolve()
    tree = build / "src"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(ROOT / "src", tree, ignore=shutil.ignore_patterns("_native*", "__pycache__"))
    (extension,) = build.glob("_native*.so")
    shutil.copy(extension, tree / "recurra" / "kernels")
    # Processes that tests start look here first, and obey as this one does.
    paths_first = tree / "sitecustomize.py"
    paths_first.write_text(PATHS_FIRST)
    os.environ["PYTHONPATH"] = str(tree)
    sys.path.insert(0, str(tree))
    runpy.run_path(str(paths_first))

    from recurra.kernels import choice

    native = choice.native()
    if native is None or not Path(str(native.__file__)).is_relative_to(tree):
        raise SystemExit(f"expected the extension of {tree}, got {native}")
    tests = [str(ROOT / "tests" / "kernels"), "-q", "-p", "no:cacheprovider"]
    raise SystemExit(pytest.main([*tests, *sys.argv[2:]]))


if __name__ == "__main__":
    main()
