"""Labelled sequences as a value: what every reader gives and every codec takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from recurra.errors import DataError

__all__ = ["Cases", "Columns", "Label", "Timed", "label_text", "unnamed_features"]

Array = npt.NDArray[Any]
Label = str | int | float | bool


class Timed(NamedTuple):
    """A raw series with its times: values [T, C], NaN where missing, and times [T], rising."""

    values: Array
    times: Array


@dataclass(frozen=True)
class Columns:
    """Which column of a table plays which role; None: no column does.

    Args:
        id: Tells which case a row belongs to.
        time: Time of a row.
        target: What to predict.
        text: Holds a text, for text tables.
        variable: Names what was measured, in tables with one measurement a row.
        value: Holds the measurement.
        ignored: Columns that are nothing of this and no feature either.
    """

    id: str | None = None
    time: str | None = None
    target: str | None = None
    text: str | None = None
    ignored: tuple[str, ...] = ()
    variable: str | None = None
    value: str | None = None


@dataclass(frozen=True, eq=False)
class Cases:
    """Cases in the order of their source.

    Args:
        kind: "series": numbers along time; "text": one text a case; "frames": of each step the
            numbers of what sounds; "tokens": a word or a character at each step.
        inputs: Series: float64 arrays [T_i, C], T_i >= 1, finite or NaN: missing. Text: str, none
            blank.
            Frames: tuples of T_i rising tuples of int. Tokens: tuples of T_i texts.
        features: Names of the C channels; empty for texts.
        ids: Name of each case, as messages and predictions show it.
        source: The file or the argument that they came from, for messages.
        targets: One label a case, a tuple of T_i labels a case, float64 [N], or None.
        target_kind: "class" for labels, "steps" for a label a step, "number" for float64, None
            without targets.
        times: float64 arrays [T_i], rising; None where the source has no times. Dates are seconds
            since 1970-01-01 UTC.
        columns: Roles that the source's columns were given; None where it has no columns.
        notes: What whoever reads it should know of the source, one sentence each.
    """

    kind: Literal["series", "text", "frames", "tokens"]
    inputs: tuple[Any, ...]
    features: tuple[str, ...]
    ids: tuple[str, ...]
    source: str
    targets: tuple[Any, ...] | Array | None = None
    target_kind: Literal["class", "number", "steps"] | None = None
    times: tuple[Array, ...] | None = None
    columns: Columns | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def lengths(self) -> Array:
        """[N] int64: steps of each case; of a text its characters."""
        return np.array([len(x) for x in self.inputs], dtype=np.int64)

    @property
    def raw(self) -> tuple[Any, ...]:
        """The inputs as a model takes them one by one: `Timed` where there are times."""
        if self.times is None:
            return self.inputs
        return tuple(Timed(x, clock) for x, clock in zip(self.inputs, self.times, strict=True))

    @property
    def missing(self) -> dict[str, float]:
        """The share of missing values of each channel that has any; none for texts."""
        if self.kind != "series":
            return {}
        steps = max(1, int(self.lengths.sum()))
        counts = sum((np.isnan(x).sum(axis=0) for x in self.inputs), np.zeros(len(self.features)))
        return {n: float(c) / steps for n, c in zip(self.features, counts, strict=True) if c}

    def subset(self, index: Sequence[int] | Array) -> Cases:
        """The cases numbered by `index`, in that order."""
        rows = [int(i) for i in index]
        targets = self.targets
        if isinstance(targets, np.ndarray):
            targets = targets[rows]
        elif targets is not None:
            targets = tuple(targets[i] for i in rows)
        return replace(
            self,
            inputs=tuple(self.inputs[i] for i in rows),
            ids=tuple(self.ids[i] for i in rows),
            targets=targets,
            times=None if self.times is None else tuple(self.times[i] for i in rows),
        )

    def with_features(self, features: tuple[str, ...]) -> Cases:
        """The same cases with these channels, found by name; unnamed ones by position.

        Raises:
            DataError: a name is missing, or there are no names and the number differs.
        """
        if self.features == features:
            return self
        if self.features == unnamed_features(len(self.features)):
            if len(self.features) != len(features):
                raise DataError(
                    f"expected {len(features)} features ({', '.join(features[:6])}"
                    f"{', ...' if len(features) > 6 else ''}), got {len(self.features)}",
                    path=self.source,
                )
            return replace(self, features=features)
        missing = [name for name in features if name not in self.features]
        if missing:
            raise DataError(
                f"expected the feature {missing[0]!r}, which the model was trained on, got "
                f"{', '.join(self.features[:8])}: add it",
                path=self.source,
            )
        order = [self.features.index(name) for name in features]
        inputs = tuple(np.ascontiguousarray(x[:, order]) for x in self.inputs)
        return replace(self, inputs=inputs, features=features)

    def target_values(self) -> list[Label]:
        """The targets as plain Python values.

        Raises:
            DataError: there are none.
        """
        if self.targets is None:
            raise DataError(f"{self.source} gives no targets: give y, a target column or --labels")
        if isinstance(self.targets, np.ndarray):
            return [float(value) for value in self.targets]
        return list(self.targets)


def label_text(label: Label) -> str:
    """The text by which labels of different sources are compared: 1, 1.0 and "1" are the same."""
    if isinstance(label, bool):
        return "true" if label else "false"
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)


def unnamed_features(count: int) -> tuple[str, ...]:
    """The names x0, x1, ... that channels have where their source names none."""
    return tuple(f"x{k}" for k in range(count))
