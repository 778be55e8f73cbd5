"""Files that are whole or absent: temporary file, fsync, rename, fsync of the folder."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from recurra.errors import OutputError

__all__ = ["fsync_folder", "is_temporary", "require_new_folder", "write_atomic"]

_TEMPORARY = re.compile(r"\.recurra-[0-9a-f]{16}\.tmp")


def is_temporary(name: str) -> bool:
    """Whether a file of this name can only be what a killed `write_atomic` left behind."""
    return _TEMPORARY.fullmatch(name) is not None


def write_atomic(path: Path, raw: bytes) -> None:
    """Put `raw` at `path`, so that at every moment the old file or the new one is there, whole.

    Raises:
        OutputError: it cannot be written, or is a device or a pipe; what was there before is
            untouched.
    """
    temporary = path.parent / f".recurra-{secrets.token_hex(8)}.tmp"
    try:
        # Whoever may write in /dev would replace /dev/null itself by the rename.
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise OutputError(f"{path} is a device or a pipe, which would be replaced: name a file")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                rest = memoryview(raw)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        fsync_folder(path.parent)
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; what was there before is whole: "
            "free some space or choose another place"
        ) from error


def fsync_folder(folder: Path) -> None:
    """Make the renames in `folder` outlive a power cut, where the system lets folders be synced."""
    if os.name == "nt":  # Windows cannot open a folder; its renames are journaled
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_new_folder(folder: Path, *, force: bool = False) -> None:
    """Make `folder`, or accept an empty one; with `force`, one that holds something already.

    Raises:
        OutputError: it holds something and `force` is off, it is a file, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        full = not force and any(not is_temporary(entry.name) for entry in folder.iterdir())
    except (FileExistsError, NotADirectoryError):
        raise OutputError(f"{folder} is in the way: a file stands where a folder goes") from None
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror}") from error
    if full:
        raise OutputError(f"{folder} exists and is not empty: choose another, or use --force")
