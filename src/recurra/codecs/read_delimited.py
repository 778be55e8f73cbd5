"""CSV and TSV -> a table of texts: polars reads; the csv module finds the line of an error.

CSV: a header line, commas, fields in double quotes where needed (RFC 4180).
TSV: one line a row, tabs; a field in double quotes loses them ("" inside is one "), any
other quote is a plain character. Blank lines count for nothing in both.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recurra.codecs.read_bytes import UTF_8, read_text
from recurra.codecs.roles import is_role_name
from recurra.codecs.table import Table, shorten
from recurra.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["read_delimited"]

# A header is looked for by comparing the first line with so many others.
_PROBE_ROWS = 1000


class _Row(NamedTuple):
    """The fields of one row, and its first and last line."""

    begin: int
    end: int
    fields: list[str]


def read_delimited(path: Path, encoding: str = UTF_8) -> Table:
    """A CSV or, by its suffix, a TSV.

    A table `text,label` may lack its header: then its first line holds no known name, and the
    line's second field, a label, comes again below.

    Raises:
        DataError: not readable, not text, no row, no header, doubled names, a row with too few
            or too many fields.
    """
    text = read_text(path, encoding)
    tabs = path.suffix.lower() != ".csv"

    def rows() -> Iterator[_Row]:
        return _tab_rows(text) if tabs else _comma_rows(text, path)

    first = next(rows(), None)
    if first is None:
        raise DataError("expected a header and rows, got only blank lines: add them", path=path)
    names = [_unquoted(field.strip()) if tabs else field.strip() for field in first.fields]
    _check_separator(islice(rows(), 2), path, tabs=tabs)
    named = not _lacks_header(names, rows())
    if named:
        _check_names(names, path, first.begin)
    else:
        names = ["text", "label"]
    body = text.split("\n", first.end)[first.end :] if named else [text]
    frame = _parse("".join(body), names, tabs)
    if frame is None or frame[names[-1]].null_count():
        # A null at a row's end may be a field too few; and polars is stricter about quotes.
        frame = _checked_frame(islice(rows(), int(named), None), names, path)
    frame = _without_blank_rows(frame)
    if frame.is_empty():
        raise DataError("expected rows below the header, got none: add some", path=path)
    return Table(
        _unquoted_frame(frame) if tabs else frame,
        str(path),
        typed=False,
        line_of=_line_finder(lambda: islice(rows(), int(named), None)),
    )


def _comma_rows(text: str, path: Path) -> Iterator[_Row]:
    # Only "\n" ends a line, as for polars; "\r" before it belongs to the ending.
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
    begin = 1
    # A text may be longer than the 128 KiB that the csv module grants a field.
    granted = csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield _Row(begin, reader.line_num, fields)
            begin = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"expected a row of a CSV, got something else: {error}: check its quotes",
            path=path,
            line=begin,
        ) from None
    finally:
        csv.field_size_limit(granted)


def _tab_rows(text: str) -> Iterator[_Row]:
    for number, line in enumerate(io.StringIO(text, newline="\n"), start=1):
        fields = line.rstrip("\r\n").split("\t")
        if any(field.strip() for field in fields):
            yield _Row(number, number, fields)


def _lacks_header(names: list[str], rows: Iterator[_Row]) -> bool:
    if len(names) != 2 or not names[1] or any(is_role_name(name) for name in names):
        return False
    below = (row.fields for row in islice(rows, 1, _PROBE_ROWS))
    return any(len(fields) == 2 and fields[1].strip() == names[1] for fields in below)


def _check_separator(begin: Iterator[_Row], path: Path, *, tabs: bool) -> None:
    """Refuse a table whose header and first row are one field each, cut alike by another sign."""
    head, *below = (row.fields for row in begin)
    if len(head) != 1 or not below:
        return
    for sign, name in ((";", "';'"), (",", "','") if tabs else ("\t", "tabs")):
        parts = head[0].count(sign)
        if parts and parts == sum(field.count(sign) for field in below[0]):
            wanted = "tabs" if tabs else "commas"
            raise DataError(
                f"expected fields between {wanted}, got {shorten(head[0])}, where they "
                f"stand between {name}: save the table with {wanted}"
                + (", or rename it to .tsv" if sign == "\t" else "")
                + (", or rename it to .csv" if sign == "," else ""),
                path=path,
            )


def _check_names(names: list[str], path: Path, line: int) -> None:
    for k, name in enumerate(names):
        if not name:
            raise DataError(
                f"expected a name for each column, got none for column {k + 1}: name it, or "
                "write the table without its index",
                path=path,
                line=line,
            )
        if len(name.splitlines()) > 1:
            raise DataError(
                f"expected names on one line, got {shorten(name)}: check the quotes of the header",
                path=path,
                line=line,
            )
        if name in names[:k]:
            raise DataError(
                "expected different names, got this one twice: rename one of the columns",
                path=path,
                line=line,
                column=name,
            )
    if all(_is_number(name) for name in names):
        raise DataError(
            f"expected a header with names, got only numbers ({', '.join(names[:4])}): "
            "add a header line",
            path=path,
            line=line,
        )


def _parse(body: str, names: list[str], tabs: bool) -> pl.DataFrame | None:
    """The rows as polars reads them, or None where it refuses them."""
    import polars as pl

    separator = "\t" if tabs else ","
    header = separator.join(f"c{k}" for k in range(len(names)))
    try:
        frame = pl.read_csv(
            f"{header}\n{body}".encode(),
            infer_schema=False,
            separator=separator,
            quote_char=None if tabs else '"',
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    frame.columns = names
    return frame


def _checked_frame(rows: Iterator[_Row], names: list[str], path: Path) -> pl.DataFrame:
    import polars as pl

    found = []
    for row in rows:
        if len(row.fields) != len(names):
            raise DataError(
                f"expected {len(names)} fields ({', '.join(names[:6])}"
                f"{', ...' if len(names) > 6 else ''}), got {len(row.fields)}: correct the row",
                path=path,
                line=row.begin,
            )
        found.append(row.fields)
    return pl.DataFrame(found, schema=dict.fromkeys(names, pl.String), orient="row")


def _without_blank_rows(frame: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    frame = frame.fill_null("")
    return frame.filter(pl.any_horizontal(pl.all().str.strip_chars() != ""))


def _unquoted_frame(frame: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    quoted = pl.all().str.contains(r'^"([^"]|"")*"$')
    bare = pl.all().str.slice(1, pl.all().str.len_chars() - 2).str.replace_all('""', '"')
    return frame.select(pl.when(quoted).then(bare).otherwise(pl.all()).name.keep())


def _unquoted(field: str) -> str:
    inner = field[1:-1].replace('""', "")
    whole = len(field) >= 2 and field[0] == field[-1] == '"' and '"' not in inner
    return field[1:-1].replace('""', '"') if whole else field


def _line_finder(rows: Callable[[], Iterator[_Row]]) -> Callable[[int], int | None]:
    @cache
    def line_of(index: int) -> int | None:
        row = next(islice(rows(), index, None), None)
        return None if row is None else row.begin

    return line_of


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
