"""Any source of sequences with a label a step -> cases.

.conll .bio .iob .bioes .bmes .txt .tsv   a token a line, the tag in the last column (`read_conll`)
.csv .tsv .parquet, a data frame          a long table with a label a row: id, time, features,
                                          target; or id, text (a token a row), target; to
                                          answer also a text a row, which the codec cuts
.jsonl .ndjson                            {"x": ["a", "b"] or [[0.1], [0.2]], "y": ["O", "B-X"]}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from recurra.codecs.abstract import AbstractCodec
from recurra.codecs.arrays import cases_from_arrays
from recurra.codecs.cases import Cases, Label, Timed
from recurra.codecs.from_table import groups_of, long_cases, text_cases
from recurra.codecs.read_conll import (
    SUFFIXES,
    looks_like_conll,
    order_notes,
    read_conll,
    type_fault,
)
from recurra.codecs.read_jsonl import objects_of
from recurra.codecs.read_table import TABLES, read_table
from recurra.codecs.read_typed import is_frame, read_frame
from recurra.codecs.roles import find_roles, named_column
from recurra.codecs.table import Table, shorten
from recurra.codecs.target import check_label
from recurra.codecs.tokens import tokens_of
from recurra.errors import DataError, ShapeError
from recurra.spec.counted import counted

if TYPE_CHECKING:
    from recurra.spec.settings import DataSettings

__all__ = ["TAG_SUFFIXES", "is_tagged", "read_tag_cases", "tag_cases_from_arrays"]

TAG_SUFFIXES = (*SUFFIXES, ".tsv", ".csv", ".parquet", ".jsonl", ".ndjson")
_TARGETS = ("tag", "tags", "label", "target", "class", "y", "state", "标签", "标注", "状态")
_CASE = re.compile(r"X\[([0-9]+)\]:? ")
_TOKENS = ("token", "word", "character", "char", "form", "字", "词")


def read_tag_cases(
    source: str | Path | Any,
    settings: DataSettings,
    *,
    need_target: bool = True,
    expect: AbstractCodec | None = None,
) -> Cases:
    """The cases of a file or a data frame, a label a step.

    Args:
        source: A path, or a data frame with the Arrow C stream interface.
        settings: Roles of a table's columns; what they leave open is inferred.
        need_target: Refuse a source without tags.
        expect: The codec of a trained model; with `need_target=False` tags are not read at all.

    Raises:
        DataError: one sentence: what was expected, what came, where, what to do.
    """
    want = need_target or expect is None
    if is_frame(source):
        cases = _table_cases(read_frame(source), settings, want, expect)
    elif not isinstance(source, str | Path):
        raise DataError(f"expected a path or a data frame, got {type(source).__name__}")
    else:
        path = Path(source)
        suffix = path.suffix.lower()
        if suffix in SUFFIXES or (suffix == ".tsv" and looks_like_conll(path, settings.encoding)):
            cases = read_conll(path, want_target=want, encoding=settings.encoding)
        elif suffix in TABLES:
            cases = _table_cases(read_table(path, settings.encoding), settings, want, expect)
        elif suffix in (".jsonl", ".ndjson"):
            cases = _json_cases(path, settings, want)
        else:
            raise _unknown_suffix(path)
    if need_target and cases.targets is None:
        raise DataError("expected a tag for each step, got none: add them", path=cases.source)
    return cases if expect is None else expect.arrange(cases)


def is_tagged(source: Any) -> bool:
    """Whether a file's suffix alone says that it holds a tag a line (a .txt may be anything)."""
    if not isinstance(source, str | Path):
        return False
    suffix = Path(source).suffix.lower()
    return suffix in SUFFIXES and suffix != ".txt"


def tag_cases_from_arrays(X: Any, y: Any = None, *, settings: DataSettings) -> Cases:
    """Cases of sequences that are already in memory.

    Args:
        X: A list of cases, each a list of tokens, or a text, which is cut by `symbol`; or of
            [T_i, C] arrays, or `Timed` ones; or one array [N, T, C].
        y: A list of labels for each case, one a step; None: no tags.
        settings: `symbol` and `layout` are read.

    Raises:
        DataError, ShapeError: names the case that is wrong.
    """
    several = isinstance(X, list | tuple) and len(X) and not isinstance(X[0], Timed)
    if several and isinstance(X[0], list | tuple | str):
        # Byte-pair pieces carry no tags: `refuse_foreign` has refused them.
        symbol: Literal["character", "word"]
        symbol = "word" if settings.symbol == "word" else "character"
        inputs = []
        for i, case in enumerate(X):
            try:
                inputs.append(tuple(tokens_of(case, symbol)))
            except DataError as error:
                raise DataError(f"X[{i}]: {error}") from None
        cases = Cases("tokens", tuple(inputs), (), tuple(str(i) for i in range(len(inputs))), "X")
    else:
        cases = cases_from_arrays(X, layout=settings.layout)
    if y is None:
        return cases
    if isinstance(y, str | bytes | dict) or not hasattr(y, "__len__") or len(y) != len(cases):
        came = len(y) if hasattr(y, "__len__") else type(y).__name__
        raise ShapeError(f"y expected the tags of {counted(len(cases), 'case')}, got {came}")
    return _tagged(cases, y, lambda i, _, message: DataError(f"y[{i}]: {message}"))


def _tagged(cases: Cases, y: Sequence[Any], error: Callable[[int, int, str], DataError]) -> Cases:
    """The cases with a label a step, each checked; `error` takes case, step and message."""
    targets: list[tuple[Label, ...]] = []
    for i, (tags, x) in enumerate(zip(y, cases.inputs, strict=True)):
        if isinstance(tags, str | bytes) or not hasattr(tags, "__iter__"):
            wanted = counted(len(x), "tag")
            raise error(i, 0, f"expected a list of {wanted}, one a step, got {shorten(tags)}")
        labels = tags.tolist() if hasattr(tags, "tolist") else list(tags)
        if len(labels) != len(x):
            raise error(i, 0, f"expected {counted(len(x), 'tag')}, one a step, got {len(labels)}")
        for step, label in enumerate(labels):
            try:
                check_label(label)
            except DataError as problem:
                raise error(i, step, f"step {step}: {problem}") from None
        targets.append(tuple(labels))
    fault = type_fault(targets)
    if fault is not None:
        i, step, message = fault
        raise error(i, step, f"step {step}: {message}")
    notes = order_notes(targets, lambda case, step: f"sequence {cases.ids[case]}, step {step}")
    return replace(cases, targets=tuple(targets), target_kind="steps", notes=(*cases.notes, *notes))


def _table_cases(
    table: Table, settings: DataSettings, want: bool, expect: AbstractCodec | None
) -> Cases:
    known = None if expect is None else expect.columns
    target = named_column(table, settings.target, "target") if want else None
    if target is None and known is not None and known.target in table.columns:
        target = known.target
    if target is None:
        features = (settings.features or ()) if expect is None else expect.features
        named = [n for n in table.columns if n.lower() in _TARGETS and n not in features]
        if len(named) > 1 and want:
            raise table.error(f"expected one column of tags, got {', '.join(named)}: give --target")
        target = named[0] if named else None
    if target is None and want:
        raise table.error(
            f"expected a column of tags, got {', '.join(table.columns[:8])} and none that is "
            "called tag, label or target: give --target"
        )
    others = table if target is None else replace(table, frame=table.frame.drop(target))
    said = settings.model_copy(update={"target": None, "text": _token_column(others, settings)})
    if known is not None:
        said = said.model_copy(
            update={
                role: getattr(known, role)
                for role in ("id", "time", "text")
                if getattr(said, role) is None and getattr(known, role) in others.columns
            }
        )
    if expect is not None and expect.features and said.features is None:
        said = said.model_copy(update={"features": expect.features})
    roles = find_roles(others, said, want_target=False, need_target=False, expect=None)
    id_column = roles.columns.id
    if roles.kind == "text" and not want and _once(others, id_column):
        return text_cases(others, roles, "classify")
    if id_column is None:
        raise table.error("expected a column that tells which sequence a row belongs to: give --id")
    if roles.kind == "series":
        cases = long_cases(others, roles, "classify")
    else:
        cases = _token_cases(others, id_column, str(roles.columns.text))
    cases = replace(cases, columns=replace(roles.columns, target=target))
    if target is None or not want:
        return cases
    labels = table.labels(target)
    rows = list(groups_of(table, id_column).values())
    for row in (int(row) for group in rows for row in group):
        if labels[row] is None:
            raise table.error(
                "expected a tag in every row, got a missing value: fill it, or leave the sequence "
                "out",
                row=row,
                column=target,
            )
    return _tagged(
        cases,
        [[labels[int(row)] for row in group] for group in rows],
        lambda i, step, message: table.error(message, row=int(rows[i][step]), column=target),
    )


def _once(table: Table, id_column: str | None) -> bool:
    """Whether no two rows belong together: then each holds a whole text."""
    return id_column is None or len(groups_of(table, id_column)) == len(table)


def _token_column(table: Table, settings: DataSettings) -> str | None:
    """The column of tokens that is named, or called like it and holds no numbers."""
    if settings.text is not None or settings.features is not None:
        return settings.text
    found = [n for n in table.columns if n.lower() in _TOKENS and not table.is_numeric(n)]
    return found[0] if len(found) == 1 else None


def _token_cases(table: Table, id_column: str, text_column: str) -> Cases:
    tokens = table.raw_texts(text_column)
    groups = groups_of(table, id_column)
    for row, token in enumerate(tokens):
        if not token:
            raise table.error(
                "expected a token, got an empty field: fill it", row=row, column=text_column
            )
    inputs = tuple(tuple(tokens[int(row)] for row in rows) for rows in groups.values())
    return Cases("tokens", inputs, (), tuple(groups), table.source)


def _json_cases(path: Path, settings: DataSettings, want: bool) -> Cases:
    numbered = list(objects_of(path, settings.encoding))
    if not numbered:
        raise DataError("expected one JSON object a line, got only blank lines", path=path)
    for number, record in numbered:
        if "x" not in record:
            found = shorten(record)
            raise DataError(f"expected an object with x, got {found}", path=path, line=number)
    records = [record for _, record in numbered]
    try:
        x = [record["x"] for record in records]
        cases = tag_cases_from_arrays(_numbers(x), settings=settings)
    except (DataError, ShapeError) as error:
        # It counts cases; a reader of the file counts lines.
        case, rest = _CASE.match(str(error)), _CASE.sub("", str(error))
        line = None if case is None else numbered[int(case[1])][0]
        raise DataError(rest, path=path, line=line) from None
    ids = tuple(str(record.get("id", k)) for k, record in enumerate(records))
    cases = replace(cases, ids=ids, source=str(path))
    if not want or "y" not in records[0]:
        return cases
    for (number, _), record in zip(numbered, records, strict=True):
        if "y" not in record:
            raise DataError("expected y, the tags, as in the first line", path=path, line=number)
    return _tagged(
        cases,
        [record["y"] for record in records],
        lambda i, _, message: DataError(message, path=path, line=numbered[i][0], column="y"),
    )


def _numbers(x: list[Any]) -> list[Any]:
    """Lists of lists of numbers as arrays; anything else as it is."""
    if not (isinstance(x[0], list) and x[0] and isinstance(x[0][0], list | int | float)):
        return x
    arrays = []
    for i, steps in enumerate(x):
        try:
            array = np.array(steps, np.float64)
        except (TypeError, ValueError, OverflowError):
            raise DataError(f"X[{i}] expected as many numbers at every step") from None
        arrays.append(array[:, None] if array.ndim == 1 else array)
    return arrays


def _unknown_suffix(path: Path) -> DataError:
    if path.is_dir():
        return DataError("expected a file, got a folder: name a file in it", path=path)
    if not path.exists():
        return DataError("expected a readable file, but there is none: check the path", path=path)
    return DataError(
        f"expected a file that ends in {', '.join(TAG_SUFFIXES)}, got "
        f"{path.suffix or 'no suffix'!r}: rename or convert it",
        path=path,
    )
