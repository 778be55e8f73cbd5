"""JSONL: one JSON object a line with `x`, `y` and, optionally, `id` and `time`.

    {"x": [[0.1, 1.0], [0.2, 1.1]], "y": "walking"}    steps of channels, [T, C]
    {"x": [0.1, 0.2], "y": 3.5, "time": [0, 60]}       one channel
    {"x": [[1.5, null]], "y": 1}                       null or NaN: a missing value
    {"x": "a text", "y": 1}                            a text

Other keys are left alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs.arrays import check_series, check_text
from recurra.codecs.cases import Cases, unnamed_features
from recurra.codecs.read_bytes import UTF_8, read_text
from recurra.codecs.settled import Task, settle_targets
from recurra.codecs.table import shorten
from recurra.codecs.timeline import check_times
from recurra.errors import DataError

__all__ = ["objects_of", "read_jsonl"]

Array = npt.NDArray[Any]


def read_jsonl(
    path: Path, *, task: Task = "auto", want_target: bool = True, encoding: str = UTF_8
) -> Cases:
    """The cases of a JSONL file; labels keep their JSON type.

    Raises:
        DataError: with the line that is wrong.
    """
    lines = read_text(path, encoding).split("\n")
    records = [(n, _record(line, path, n)) for n, line in enumerate(lines, 1) if line.strip()]
    if not records:
        raise DataError(
            "expected one JSON object a line, got only blank lines: add some", path=path
        )
    first_line, first = records[0]
    for key in ("y", "time", "id") if want_target else ("time", "id"):
        _same_keys(records, key, path)
    text = isinstance(first.get("x"), str)
    inputs = tuple(_input(record, text, path, line) for line, record in records)
    features = () if text else unnamed_features(inputs[0].shape[1])
    for (line, _), x in zip(records, inputs, strict=True):
        if text:
            continue
        if x.shape[1] != len(features):
            raise DataError(
                f"expected {len(features)} numbers a step as in line {first_line}, got "
                f"{x.shape[1]}: give every case the same channels",
                path=path,
                line=line,
                column="x",
            )
    times = None
    if "time" in first and not text:
        pairs = zip(records, inputs, strict=True)
        times = tuple(_times(record["time"], len(x), path, line) for (line, record), x in pairs)
    targets, kind = None, None
    if want_target and "y" in first:
        targets, kind = settle_targets(
            [record["y"] for _, record in records],
            task,
            lambda i, message: DataError(message, path=path, line=records[i][0], column="y"),
        )
    return Cases(
        "text" if text else "series",
        inputs,
        features,
        _ids(records, path),
        str(path),
        targets,
        kind,
        times,
    )


def objects_of(path: Path, encoding: str = UTF_8) -> Iterator[tuple[int, dict[str, Any]]]:
    """The number and the object of each line that is not blank.

    Raises:
        DataError: with the line that is no object.
    """
    for number, line in enumerate(read_text(path, encoding).split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            problem = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise DataError(
                f"expected one JSON object a line, got something else: {problem}: correct the line",
                path=path,
                line=number,
            ) from None
        if not isinstance(record, dict):
            raise DataError(f"expected an object, got {shorten(record)}", path=path, line=number)
        yield number, record


def _record(line: str, path: Path, number: int) -> dict[str, Any]:
    def constant(word: str) -> None:
        # NaN, as Python writes it, is a missing value like null.
        if word != "NaN":
            raise DataError(
                f"expected finite numbers, got {word}: correct it or leave the case out",
                path=path,
                line=number,
            )

    try:
        record = json.loads(line, parse_constant=constant)
    except DataError:
        raise
    except (ValueError, RecursionError) as error:
        # ValueError: broken JSON, and whole numbers of thousands of digits.
        problem = "values nested too deeply" if isinstance(error, RecursionError) else str(error)
        if isinstance(error, json.JSONDecodeError):
            # Its own text counts lines within this one.
            problem = f"{error.msg} at character {error.colno}"
        raise DataError(
            f"expected one JSON object a line, got something else: {problem}: correct the line",
            path=path,
            line=number,
        ) from None
    if not isinstance(record, dict) or "x" not in record:
        came = f"the keys {shorten(list(record))}" if isinstance(record, dict) else shorten(record)
        raise DataError(f"expected an object with x, got {came}", path=path, line=number)
    return record


def _same_keys(records: list[tuple[int, dict[str, Any]]], key: str, path: Path) -> None:
    first_line, first = records[0]
    for line, record in records:
        if (key in record) != (key in first):
            has, lacks = (line, first_line) if key in record else (first_line, line)
            raise DataError(
                f"expected {key!r} in every line or in none, got it in line {has} but not in "
                f"line {lacks}: add it",
                path=path,
                line=line,
            )


def _input(record: dict[str, Any], text: bool, path: Path, line: int) -> Any:
    x = record["x"]
    if text != isinstance(x, str):
        raise DataError("expected texts in every line or in none", path=path, line=line, column="x")
    try:
        if text:
            return check_text(x, "x")
        if not isinstance(x, list):
            raise DataError(f"expected a list of steps, got {shorten(x)}")
        steps = x if x and isinstance(x[0], list) else [[value] for value in x]
        return _steps(steps)
    except DataError as error:
        raise DataError(str(error), path=path, line=line, column="x") from None


def _steps(steps: list[Any]) -> Array:
    """[T, C] of a list of lists of numbers."""
    for t, step in enumerate(steps):
        if not isinstance(step, list) or len(step) != len(steps[0]):
            came = len(step) if isinstance(step, list) else shorten(step)
            raise DataError(
                f"step {t}: expected as many numbers as in step 0 ({len(steps[0])}), got {came}: "
                "give every step the same channels"
            )
        for value in step:
            if isinstance(value, bool) or not isinstance(value, int | float | None):
                raise DataError(
                    f"step {t}: expected a finite number, got {shorten(value)}: correct it (null "
                    "is a missing value)"
                )
    if steps and not steps[0]:
        raise DataError("expected at least one number a step, got none: leave the case out")
    try:
        x = np.array(steps, dtype=np.float64).reshape(len(steps), -1 if steps else 1)
    except OverflowError:
        raise DataError("expected numbers that float64 can hold, got a larger one") from None
    check_series(x, unnamed_features(x.shape[1]), "x")
    return x


def _times(times: Any, length: int, path: Path, line: int) -> Array:
    try:
        found = _steps([[value] for value in times] if isinstance(times, list) else [])[:, 0]
        if len(found) != length or np.isnan(found).any():
            came = len(found) if len(found) != length else "a missing one (null)"
            raise DataError(f"expected {length} times, one a step, got {came}")
        check_times(found)
    except DataError as error:
        raise DataError(str(error), path=path, line=line, column="time") from None
    return found


def _ids(records: list[tuple[int, dict[str, Any]]], path: Path) -> tuple[str, ...]:
    if "id" not in records[0][1]:
        return tuple(str(i) for i in range(len(records)))
    seen: dict[str, int] = {}
    for line, record in records:
        value = record["id"]
        name = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        try:
            check_text(name, "id")
        except DataError:
            raise DataError(
                f"expected a text or a whole number, got {shorten(value)}",
                path=path,
                line=line,
                column="id",
            ) from None
        if name in seen:
            raise DataError(
                f"expected different ids, got {name!r} as in line {seen[name]}: one line is one "
                "case",
                path=path,
                line=line,
                column="id",
            )
        seen[name] = line
    return tuple(seen)
