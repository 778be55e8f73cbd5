"""A file that is a table, by its suffix -> the table."""

from __future__ import annotations

from pathlib import Path

from recurra.codecs.read_bytes import UTF_8
from recurra.codecs.read_delimited import read_delimited
from recurra.codecs.read_typed import read_parquet
from recurra.codecs.table import Table

__all__ = ["TABLES", "read_table"]

_TYPED = ".parquet"
TABLES = (".csv", ".tsv", _TYPED)


def read_table(path: Path, encoding: str = UTF_8) -> Table:
    """The rows of a .csv, .tsv or .parquet.

    Args:
        path: Its suffix is one of `TABLES`.
        encoding: Of the first two.

    Raises:
        DataError: as `read_delimited` and `read_parquet`.
    """
    if path.suffix.lower() == _TYPED:
        return read_parquet(path)
    return read_delimited(path, encoding)
