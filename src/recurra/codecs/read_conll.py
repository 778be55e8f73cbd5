"""Files of one token a line, its columns apart by tabs or spaces, a blank line after each sentence.

    EU      B-ORG
    rejects O

The first column is the token, the last its tag; those between are not read. Lines that begin with
`-DOCSTART-` and, in files with tabs, lines without any tab that begin with `#` are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from recurra.codecs.cases import Cases, Label
from recurra.codecs.read_bytes import UTF_8, read_text
from recurra.codecs.table import shorten
from recurra.codecs.tokens import check_token
from recurra.errors import DataError
from recurra.spec.counted import counted
from recurra.spec.schemes import faults, scheme_of, without_type

__all__ = ["SUFFIXES", "looks_like_conll", "order_notes", "read_conll", "type_fault"]

SUFFIXES = (".conll", ".bio", ".iob", ".iob2", ".bioes", ".bmes", ".txt")
_DOCUMENT = "-DOCSTART-"


def read_conll(path: Path, *, want_target: bool = True, encoding: str = UTF_8) -> Cases:
    """The sentences of a file, each a case of tokens.

    Args:
        path: Of the file.
        want_target: Read the tags; a file of one column has none.
        encoding: As Python names it.

    Raises:
        DataError: with the line that is wrong: another number of columns than the first, or no tag.
    """
    text = read_text(path, encoding)
    sentences: list[list[tuple[int, list[str]]]] = [[]]
    columns = 0
    for number, fields in _rows(text):
        if fields is None:
            if sentences[-1]:
                sentences.append([])
            continue
        columns = columns or len(fields)
        if len(fields) != columns or not all(fields):
            raise DataError(
                f"expected {counted(columns, 'column')} as in the first line, the token first and "
                f"its tag last, got {shorten(fields)}: correct the line",
                path=path,
                line=number,
            )
        try:
            check_token(fields[0])
        except DataError as error:
            raise DataError(str(error), path=path, line=number) from None
        sentences[-1].append((number, fields))
    sentences = [sentence for sentence in sentences if sentence]
    if not sentences:
        raise DataError("expected a token a line, got only blank lines: add some", path=path)
    cases = Cases(
        "tokens",
        tuple(tuple(fields[0] for _, fields in sentence) for sentence in sentences),
        (),
        tuple(str(k) for k in range(len(sentences))),
        str(path),
    )
    if not want_target or columns < 2:
        return cases
    tags = tuple(tuple(fields[-1] for _, fields in sentence) for sentence in sentences)
    lines = [[number for number, _ in sentence] for sentence in sentences]
    fault = type_fault(tags)
    if fault is not None:
        case, step, message = fault
        raise DataError(message, path=path, line=lines[case][step])
    return Cases(
        cases.kind,
        cases.inputs,
        (),
        cases.ids,
        cases.source,
        tags,
        "steps",
        notes=order_notes(
            tags, lambda case, step: f"line {lines[case][min(step, len(lines[case]) - 1)]}"
        ),
    )


def looks_like_conll(path: Path, encoding: str = UTF_8) -> bool:
    """Whether a .tsv holds sentences rather than a table: rows of fields on both sides of a gap."""
    text = read_text(path, encoding)
    seen = gap = False
    for _, fields in _rows(text):
        if fields is None:
            gap = seen
        elif gap:
            return True
        else:
            seen = True
    return False


def _rows(text: str) -> Iterator[tuple[int, list[str] | None]]:
    """Line numbers and fields; None for the end of a sentence."""
    # Only "\n" ends a line: a token may be one of the other line ends that Unicode knows.
    lines = text.split("\n")
    tabs = any("\t" in line for line in lines)
    for number, line in enumerate(lines, start=1):
        line = line.rstrip("\r")
        if not line.strip(" \t") or line.startswith(_DOCUMENT):
            yield number, None
        elif tabs and line.startswith("#") and "\t" not in line:
            continue
        elif tabs:
            yield number, line.split("\t")
        else:
            # Not split(): a wide space may be a token.
            yield number, [field for field in line.split(" ") if field]


def type_fault(tags: Sequence[Sequence[Label]]) -> tuple[int, int, str] | None:
    """The first tag of a span that names no type: its sequence and step, and what is wrong."""
    broken = without_type(tag for sequence in tags for tag in sequence if isinstance(tag, str))
    if not broken:
        return None
    case, step, tag = next(
        (case, step, str(tag))
        for case, sequence in enumerate(tags)
        for step, tag in enumerate(sequence)
        if tag in broken
    )
    return (
        case,
        step,
        (f"expected a tag with its type, such as {broken[tag]}, or O, got {tag!r}: add the type"),
    )


def order_notes(
    tags: Sequence[Sequence[Label]], place: Callable[[int, int], str]
) -> tuple[str, ...]:
    """What is to be told of tags that are out of order: nothing, or how many and where the first.

    Args:
        tags: Of each sequence.
        place: Where step `step` of sequence `case` stands, in words.
    """
    spelled = [[tag for tag in sequence if isinstance(tag, str)] for sequence in tags]
    if any(len(a) != len(b) for a, b in zip(spelled, tags, strict=True)):
        return ()
    scheme = scheme_of({tag for sequence in spelled for tag in sequence})
    found = [
        (case, step) for case, sequence in enumerate(spelled) for step in faults(sequence, scheme)
    ]
    if not found:
        return ()
    are = "is" if len(found) == 1 else "are"
    return (
        f"{counted(len(found), 'tag')} {are} out of order for {scheme} (the first in "
        f"{place(*found[0])}): a span that does not begin, or does not end; it is read as "
        "conlleval reads it",
    )
