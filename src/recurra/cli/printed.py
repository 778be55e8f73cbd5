"""What commands print, as the terminal can show it: JSON, tables, counts, names of files."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from recurra.spec.counted import counted

__all__ = ["as_given", "counted", "is_utf8", "json_line", "print_table", "quoted", "shown"]

# What a shell takes as it stands, in any script.
_PLAIN = re.compile(r"[\w@%+=:,./][\w@%+=:,./-]*")


def is_utf8(stream: TextIO) -> bool:
    """Whether a stream can show every character."""
    return (stream.encoding or "utf-8").lower().replace("-", "").replace("_", "") == "utf8"


def json_line(tree: Any, stream: TextIO | None = None) -> str:
    """One JSON value on one line; JSON's own escapes where the stream cannot show a character."""
    return json.dumps(tree, ensure_ascii=not is_utf8(stream or sys.stdout))


def quoted(path: str | Path) -> str:
    """A file's name, in quotes only where a shell needs them."""
    name = str(path)
    return name if _PLAIN.fullmatch(name) else shlex.quote(name)


def shown(text: str, stream: TextIO | None = None) -> str:
    """Text as the stream will show it, so that a table's columns stay below one another."""
    encoding = (stream or sys.stdout).encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def as_given(text: str) -> str:
    """An argument as it was typed, though the system's encoding is not the terminal's UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return text


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str | None = None,
) -> None:
    """A table; what stands in its cells is text and never markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(Text(shown(heading)))
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    Console().print(table)
