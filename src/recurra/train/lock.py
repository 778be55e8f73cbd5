"""A folder that one process at a time may write into: a lock of the operating system.

The system drops a lock when its process ends, however it ends, so none is ever stale. On Windows,
and where a file system knows no locks, nothing is locked.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recurra.errors import OutputError

if sys.platform != "win32":
    import fcntl

__all__ = ["LOCK", "is_locked", "locked"]

LOCK = "lock"
# What a file system says that has no locks.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)
# Between two tries of a wait: a training's epoch is longer, a person notices less.
_PAUSE_S = 0.02
# The locks of this process: path -> the thread that has it and how often it asked.
_held: dict[Path, tuple[int, int]] = {}
_guard = threading.Lock()


@contextmanager
def locked(folder: Path, *, what: str = "training", wait: bool = False) -> Iterator[None]:
    """Keep every other process out of `folder` meanwhile; a thread that has it may ask again.

    Args:
        folder: Exists.
        what: What the other one is, for the refusal.
        wait: Wait until it is free.

    Raises:
        OutputError: another process, or another thread, has it.
    """
    path, me = folder.resolve() / LOCK, threading.get_ident()
    with _guard:
        owner, depth = _held.get(path, (me, 0))
        if depth and owner == me:
            _held[path] = (me, depth + 1)
    if depth and owner == me:
        try:
            yield
        finally:
            with _guard:
                _held[path] = (me, _held[path][1] - 1)
        return
    descriptor = _taken(path, wait=wait)
    if descriptor is None:
        raise OutputError(
            f"another {what} ({_owner(path)}) is writing into {folder}: wait for its end, or "
            "choose another --out"
        )
    with _guard:
        _held[path] = (me, 1)
    try:
        yield
    finally:
        with _guard:
            del _held[path]
        _released(descriptor, path)


def is_locked(folder: Path) -> bool:
    """Whether somebody, this process included, has `folder`."""
    path = folder.resolve() / LOCK
    if not path.exists():
        return False
    descriptor = _taken(path, wait=False)
    if descriptor is None:
        return True
    _released(descriptor, path)
    return False


def _taken(path: Path, *, wait: bool) -> int | None:
    """The descriptor of the locked file; None: somebody else has it."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise OutputError(
                f"cannot write {path}: {error.strerror}: choose another place"
            ) from error
        free = _try(descriptor)
        # A file that its owner removed as it let go locks nothing any more.
        if free and _same(descriptor, path):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
            return descriptor
        os.close(descriptor)
        if not free:
            if not wait:
                return None
            time.sleep(_PAUSE_S)


def _released(descriptor: int, path: Path) -> None:
    # Removed while it is still locked, so that nobody waits for a file that is gone.
    with suppress(OSError):
        path.unlink()
    os.close(descriptor)


def _same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _owner(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace") or "of this moment"
    except OSError:
        return "of this moment"


def _try(descriptor: int) -> bool:
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
    return True
