"""Recurrent layers of a `.keras` file, read in a process of its own: nothing in the file is run.

The library that reads the file's arrays may crash or never end on a forged file; then there is an
error that says so, and this process goes on.
"""

from __future__ import annotations

import stat
from pathlib import Path

from recurra import errors
from recurra.convert.apart import ask
from recurra.convert.found import Found, layers_from_bytes
from recurra.convert.keras_child import LAYERS, LEFT
from recurra.errors import ConversionError, RecurraError
from recurra.spec.canonical import json_from_bytes

__all__ = ["read_keras"]

# A start of Python on a slow machine, and a slow disk.
_LEAST_SECONDS = 30
_BYTES_A_SECOND = 10 * 2**20
# Python with its libraries; the zip's bytes, the arrays and the answer, each once or twice.
_LEAST_MEMORY = 2 * 2**30
_TIMES_THE_FILE = 6


def read_keras(path: str | Path) -> tuple[list[Found], tuple[str, ...]]:
    """Every recurrent layer of a `.keras` file that ours can hold, and what was left, in words.

    Args:
        path: Of the file.

    Raises:
        ConversionError: it is no such file, holds custom objects, has no recurrent layer, or none
            that our cells can hold, or reading it crashed or took too long; says why.
        DependencyError: the package h5py is not installed, or no process can be started.
    """
    size = _size(Path(path))
    answer = ask(
        "recurra.convert.keras_child",
        [str(path)],
        f"reading {path}",
        seconds=_LEAST_SECONDS + size // _BYTES_A_SECOND,
        memory_bytes=_LEAST_MEMORY + _TIMES_THE_FILE * size,
    )
    word, _, raw = answer.partition(b"\n")
    if word != LAYERS:
        refused = json_from_bytes(raw, "the reading process")
        kind = getattr(errors, str(refused["error"]), ConversionError)
        raise (kind if issubclass(kind, RecurraError) else ConversionError)(refused["message"])
    layers, metadata = layers_from_bytes(raw, str(path))
    left = json_from_bytes(metadata[LEFT].encode("ascii"), "the reading process")
    return list(layers.values()), tuple(map(str, left))


def _size(path: Path) -> int:
    try:
        about = path.stat()
        # Opening a pipe would wait for whoever writes to it.
        if not stat.S_ISREG(about.st_mode):
            raise ConversionError(f"{path} is no file: name a .keras file")
        with path.open("rb"):
            return about.st_size
    except OSError as error:
        raise ConversionError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a zero byte in the name
        raise ConversionError(f"{str(path)!r} cannot be read: {error}") from error
