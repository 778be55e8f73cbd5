"""`.ts`, the text format of aeon and sktime: a header of @ lines, then one case a line.

    @univariate false
    @dimensions 2
    @classLabel true walking running
    @data
    0.1,0.2,0.3:1.0,1.1,1.2:walking

Channels are separated by ":", values by ","; the last part is the class label or, after
`@targetLabel true`, a number. Cases may differ in length, channels of one case may not. A missing
value is "?" or NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs.cases import Cases, unnamed_features
from recurra.codecs.read_bytes import UTF_8, read_text
from recurra.codecs.settled import Task, settle_targets
from recurra.codecs.table import MISSING, shorten
from recurra.errors import DataError
from recurra.spec.counted import counted

__all__ = ["read_ts"]

Array = npt.NDArray[Any]
_FLAGS = ("timestamps", "missing", "univariate", "equallength", "targetlabel")


@dataclass
class _Header:
    """What the @ lines say; None: nothing about it."""

    flags: dict[str, bool] = field(default_factory=dict)
    dimensions: int | None = None
    labels: tuple[str, ...] | None = None

    @property
    def has_target(self) -> bool:
        return self.labels is not None or self.flags.get("targetlabel", False)


def read_ts(path: Path, *, task: Task = "auto", encoding: str = UTF_8) -> Cases:
    """The cases of a `.ts` file.

    With `task="auto"` the header says what the targets are; class labels are texts.

    Raises:
        DataError: with the line that is wrong.
    """
    # Only "\n" ends a line: other line separators may stand inside comments.
    lines = read_text(path, encoding).split("\n")
    header, start = _read_header(lines, path)
    inputs: list[Array] = []
    targets: list[str] = []
    numbers: list[int] = []
    for number, raw in enumerate(lines[start:], start=start + 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        parts = line.split(":")
        if header.has_target:
            targets.append(_target(parts.pop().strip(), header, path, number))
        expected = header.dimensions or (inputs[0].shape[1] if inputs else max(len(parts), 1))
        if len(parts) != expected or not parts:
            raise DataError(
                f"expected {counted(expected, 'channel')}"
                f"{' and a target' if header.has_target else ''}, got {len(parts)}: check the "
                "colons",
                path=path,
                line=number,
            )
        numbers.append(number)
        inputs.append(_case(parts, path, number))
    if not inputs:
        raise DataError("expected cases after @data, got none: add some", path=path)
    ids = tuple(str(i) for i in range(len(inputs)))
    features = unnamed_features(inputs[0].shape[1])
    series = Cases("series", tuple(inputs), features, ids, str(path))
    if not header.has_target:
        return series
    if task == "auto":
        task = "regress" if header.labels is None else "classify"
    found, kind = settle_targets(
        targets, task, lambda i, message: DataError(message, path=path, line=numbers[i])
    )
    return replace(series, targets=found, target_kind=kind)


def _read_header(lines: list[str], path: Path) -> tuple[_Header, int]:
    """The header, and how many lines it takes."""
    header = _Header()
    for number, raw in enumerate(lines, start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if not line.startswith("@"):
            raise DataError(
                f"expected a line that begins with @ before @data, got {line[:40]!r}: "
                "is this a .ts file?",
                path=path,
                line=number,
            )
        name, *values = line[1:].split() or [""]
        if name.lower() == "data":
            return header, number
        _take(header, name.lower(), values, path, number)
    raise DataError("expected a line @data before the cases, got none: add it", path=path)


def _take(header: _Header, name: str, values: list[str], path: Path, number: int) -> None:
    if name == "classlabel":
        if values and values[0].lower() == "true":
            if len(values) == 1:
                raise DataError(
                    "expected the labels after @classLabel true", path=path, line=number
                )
            header.labels = tuple(values[1:])
    elif name in _FLAGS:
        if len(values) != 1 or values[0].lower() not in ("true", "false"):
            raise DataError(f"expected @{name} true or false", path=path, line=number)
        header.flags[name] = values[0].lower() == "true"
        if header.flags.get("timestamps"):
            raise DataError(
                "expected plain values, got @timeStamps true, which this reader does not take: "
                "write the file without time stamps, or as a long table",
                path=path,
                line=number,
            )
        if header.flags.get("univariate") and header.dimensions is None:
            header.dimensions = 1
    elif name in ("dimensions", "dimension"):
        if len(values) != 1 or not values[0].isdecimal() or int(values[0]) < 1:
            raise DataError("expected @dimensions with a number >= 1", path=path, line=number)
        header.dimensions = int(values[0])


def _target(value: str, header: _Header, path: Path, number: int) -> str:
    if header.labels is not None and value not in header.labels:
        raise DataError(
            f"expected one of the labels that @classLabel names ({', '.join(header.labels[:10])}) "
            f"after the last colon, got {value[:40]!r}: correct it, or name it in the header",
            path=path,
            line=number,
        )
    if header.labels is None and not _is_finite(value):
        raise DataError(
            f"expected a finite number as target after the last colon, got {value[:40]!r}: "
            "correct it",
            path=path,
            line=number,
        )
    return value


def _case(parts: list[str], path: Path, number: int) -> Array:
    """One case [T, C]."""
    channels = [part.split(",") for part in parts]
    for k, channel in enumerate(channels):
        where: dict[str, Any] = {"path": path, "line": number, "column": f"x{k}"}
        if len(channel) == 1 and not channel[0].strip():
            raise DataError("expected values, got a sequence of length 0: leave it out", **where)
        if len(channel) != len(channels[0]):
            raise DataError(
                f"expected {counted(len(channels[0]), 'value')} as in x0, got {len(channel)}: the "
                "channels of a case have one length",
                **where,
            )
        for step, value in enumerate(channel):
            if value.strip().lower() in MISSING:
                channel[step] = "nan"
            elif not _is_finite(value):
                raise DataError(
                    f"step {step}: expected a finite number, got {shorten(value.strip())}: correct "
                    "it (? is a missing value), or leave the case out",
                    **where,
                )
    return np.ascontiguousarray(np.array(channels, dtype=np.float64).T)


def _is_finite(value: str) -> bool:
    # float() also takes "1_000", which no writer of numbers means.
    try:
        return "_" not in value and math.isfinite(float(value))
    except ValueError:
        return False
