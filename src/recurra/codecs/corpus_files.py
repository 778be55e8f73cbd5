"""Files and lists of texts or frames -> cases: what a generator learns from.

.txt                  one running text, or (`sequences=line`) one sequence a line
.jsonl .ndjson        {"text": "..."} or {"frames": [[60, 64], []]} a line
.csv .tsv .parquet    one text a row
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra.codecs.arrays import check_text
from recurra.codecs.cases import Cases
from recurra.codecs.corpus import CorpusCodec
from recurra.codecs.frames import check_frames
from recurra.codecs.from_table import text_cases
from recurra.codecs.read_bytes import read_bytes, read_text
from recurra.codecs.read_jsonl import objects_of
from recurra.codecs.read_table import read_table
from recurra.codecs.read_typed import is_frame, read_frame
from recurra.codecs.roles import find_roles
from recurra.codecs.table import Table, shorten
from recurra.errors import DataError

if TYPE_CHECKING:
    from recurra.codecs.abstract import AbstractCodec
    from recurra.spec.settings import DataSettings

__all__ = ["CORPUS_SUFFIXES", "corpus_cases", "read_corpus"]

_LINES = (".jsonl", ".ndjson")
CORPUS_SUFFIXES = (".txt", *_LINES, ".csv", ".tsv", ".parquet")
_KEYS = ("text", "frames")


def read_corpus(
    source: str | Path | Any,
    settings: DataSettings,
    *,
    need_target: bool = True,
    expect: AbstractCodec | None = None,
) -> Cases:
    """The sequences of a file or a data frame; they have no targets: each is its own.

    Args:
        source: A path, or a data frame with a column of texts.
        settings: `sequences` tells what a .txt holds, `text` names a column.
        need_target: Makes no difference here.
        expect: The codec of a trained model: a .txt is read as it was in training.

    Raises:
        DataError: one sentence: what was expected, what came, where, what to do.
    """
    del need_target
    cases = _read(source, settings, expect)
    return cases if expect is not None else _told(cases)


def _read(source: str | Path | Any, settings: DataSettings, expect: AbstractCodec | None) -> Cases:
    if is_frame(source):
        return _table_cases(read_frame(source), settings)
    if not isinstance(source, str | Path):
        raise DataError(f"expected a path or a data frame, got {type(source).__name__}")
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix == ".txt":
        by_line = settings.sequences == "line"
        if isinstance(expect, CorpusCodec):
            by_line = expect.ends
        return _text_cases(path, settings.encoding, by_line)
    if suffix in _LINES:
        return _jsonl_cases(path, settings.encoding)
    if suffix in CORPUS_SUFFIXES:
        return _table_cases(read_table(path, settings.encoding), settings)
    if path.is_dir() or not path.exists():
        read_bytes(path)
    raise DataError(
        f"expected a file that ends in {', '.join(CORPUS_SUFFIXES)}, got "
        f"{suffix or 'no suffix'!r}: rename or convert it",
        path=path,
    )


def corpus_cases(X: Any) -> Cases:
    """Sequences that are already in memory.

    Args:
        X: One running text; a list of texts; or a list of sequences of frames, each frame a list
            of whole numbers.

    Raises:
        DataError: anything else, or an empty one.
    """
    if isinstance(X, str):
        return _told(_cases("text", [check_text(X, "X")], "X"))
    if not isinstance(X, Sequence) or isinstance(X, bytes) or not X:
        raise DataError(
            "X expected a text, a list of texts or a list of sequences of frames, got "
            f"{type(X).__name__ if X else 'nothing'}"
        )
    if isinstance(X[0], str):
        return _told(_cases("text", [check_text(x, f"X[{i}]") for i, x in enumerate(X)], "X"))
    return _told(_cases("frames", [check_frames(x, f"X[{i}]") for i, x in enumerate(X)], "X"))


def _told(cases: Cases) -> Cases:
    """The cases, and in their notes that nothing ever changes, where it does not."""
    if cases.kind == "text":
        # Blanks between symbols, and the line end of a file, vary nothing.
        steps = {symbol for symbol in set().union(*cases.inputs) if not symbol.isspace()}
    else:
        steps = {frame for x in cases.inputs for frame in x}
    if len(steps) > 1:
        return cases
    what = "symbol" if cases.kind == "text" else "frame"
    (step,) = steps
    told = (
        f"there is nothing to learn: it is the {what} {step!r:.40} again and again; give sequences "
        "that vary"
    )
    return replace(cases, notes=(*cases.notes, told))


def _text_cases(path: Path, encoding: str, by_line: bool) -> Cases:
    # A file's line ends are its system's, not the text's.
    text = read_text(path, encoding).replace("\r\n", "\n")
    if not by_line:
        try:
            return _cases("text", [check_text(text, "the file")], str(path))
        except DataError as error:
            raise DataError(str(error), path=path) from None
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise DataError("expected one sequence a line, got only blank lines", path=path)
    return _cases("text", [line for _, line in lines], str(path), [str(n) for n, _ in lines])


def _jsonl_cases(path: Path, encoding: str) -> Cases:
    found: list[Any] = []
    ids: list[str] = []
    kind = ""
    for number, record in objects_of(path, encoding):
        keys = [key for key in _KEYS if key in record]
        if len(keys) != 1 or (kind and keys[0] != kind):
            raise DataError(
                f"expected {kind or 'text or frames'}, one of them and the same in every line, got "
                f"the keys {shorten(list(record))}",
                path=path,
                line=number,
            )
        kind = keys[0]
        check = check_text if kind == "text" else check_frames
        try:
            found.append(check(record[kind], kind))
        except DataError as error:
            raise DataError(str(error), path=path, line=number) from None
        ids.append(str(record.get("id", number)))
    if not found:
        raise DataError("expected one JSON object a line, got only blank lines", path=path)
    return _cases(kind, found, str(path), ids)


def _table_cases(table: Table, settings: DataSettings) -> Cases:
    missing = table.error(
        f"expected a column of texts, got the columns {', '.join(table.columns)}: name it with "
        "--text"
    )
    try:
        roles = find_roles(table, settings, want_target=False, need_target=False, expect=None)
    except DataError as error:
        # What it says of ids and labels would mislead where only a text is looked for.
        raise (error if settings.text else missing) from None
    if roles.kind != "text":
        raise missing
    return text_cases(table, roles, "auto")


def _cases(kind: str, inputs: list[Any], source: str, ids: list[str] | None = None) -> Cases:
    names = tuple(ids or (str(i) for i in range(len(inputs))))
    return Cases("text" if kind == "text" else "frames", tuple(inputs), (), names, source)
