"""Folders that a comparison or a search writes into: new, empty, or its own of an earlier call.

What may be replaced is told as `fit` tells a bundle: by a file that says whose the folder is. In
any other folder files of the same names may be somebody's own, so nothing is written there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from recurra.errors import BundleError, OutputError
from recurra.spec.canonical import json_from_bytes
from recurra.spec.disk import is_temporary, require_new_folder

__all__ = ["require_own_folder", "says"]

# Names that a refusal shows.
_SHOWN = 3


def require_own_folder(
    folder: Path, own: Callable[[Path], bool], what: str, *, beside: Iterable[str] = ()
) -> bool:
    """Make `folder`, or see that it is empty or holds what the same command wrote.

    Args:
        folder: OUT.
        own: Whether a folder that is there is that of an earlier call.
        what: What the command makes, for the refusal.
        beside: Names that an empty folder may hold.

    Returns:
        Whether an earlier call's work is there.

    Raises:
        OutputError: it holds something else, it is a file, or it cannot be made.
    """
    require_new_folder(folder, force=True)
    if own(folder):
        return True
    names = sorted(entry.name for entry in folder.iterdir() if not is_temporary(entry.name))
    names = [name for name in names if name not in beside]
    if names:
        shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        raise OutputError(
            f"{folder} is not empty and holds no {what} of recurra ({shown}): choose another "
            f"--out; --force replaces an earlier {what}, nothing else"
        )
    return False


def says(path: Path, *names: str) -> bool:
    """Whether a file holds one JSON object with these names."""
    try:
        tree: Any = json_from_bytes(path.read_bytes(), str(path))
    except (OSError, BundleError):
        return False
    return isinstance(tree, dict) and set(names) <= set(tree)
