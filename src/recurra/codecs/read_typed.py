"""Parquet files, and data frames that offer the Arrow C stream, -> a table of typed columns."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra.codecs.read_bytes import read_bytes
from recurra.codecs.table import Table, shorten
from recurra.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["is_frame", "read_frame", "read_parquet"]

# pandas hands its row index over under this name; it is no column of the user's.
_INDEX = re.compile(r"__index_level_\d+__")


def is_frame(source: Any) -> bool:
    """Whether `source` offers the Arrow C stream (polars, pandas, pyarrow, ...)."""
    return hasattr(source, "__arrow_c_stream__")


def read_parquet(path: Path) -> Table:
    """A Parquet file.

    Raises:
        DataError: damaged, or without rows.
    """
    import polars as pl

    content = read_bytes(path)
    if not (content.startswith(b"PAR1") and content.endswith(b"PAR1")):
        raise DataError(
            "expected a Parquet file, got other or cut off bytes: write it again", path=path
        )
    try:
        with _silent_stderr():
            frame = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise DataError(
            f"expected a Parquet file, got a damaged one ({type(error).__name__}): write it again",
            path=path,
        ) from None
    return _table(frame, str(path))


def read_frame(source: Any) -> Table:
    """A data frame in memory.

    Raises:
        DataError: it cannot be handed over, or has no rows.
    """
    import polars as pl

    try:
        frame = pl.DataFrame(source)
    except Exception as error:  # the frame's own library raises whatever it likes
        raise DataError(
            f"X expected a data frame with columns of numbers, texts or dates, got one that cannot "
            f"be handed over: {error}"
        ) from None
    return _table(frame, "X")


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Nothing on standard error meanwhile: on damaged files polars prints traces of its threads."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:
        # There is no standard error to keep clean.
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _table(frame: pl.DataFrame, source: str) -> Table:
    frame = frame.select([name for name in frame.columns if not _INDEX.fullmatch(name)])
    for name in frame.columns:
        if not name.strip() or len(name.splitlines()) > 1:
            raise DataError(
                f"expected names on one line, got {shorten(name)}: rename the column", path=source
            )
    if frame.is_empty():
        raise DataError("expected rows, got none: give a table that holds some", path=source)
    return Table(frame, source, typed=True)
