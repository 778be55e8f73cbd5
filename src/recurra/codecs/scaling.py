"""Scaling of series that are forecast: each column of each series by what training has shown of it.

    x' = (x - shift) / scale

And, beside it, a normalisation of each window by its own rows, which is undone in the forecast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from recurra.codecs import json_tree
from recurra.errors import DataError

__all__ = ["Normalise", "Scaling", "ScalingKind", "window_figures"]

Array = npt.NDArray[Any]
ScalingKind = Literal["standard", "robust", "mean", "none"]
Normalise = Literal["none", "last", "window"]
# The distance between the quartiles of a normal distribution, in standard deviations.
_QUARTILES_APART = 1.3489795003921634
# A window without spread must not be divided by zero (Kim et al. 2022 take the same).
_LEAST_VARIANCE = 1e-5


@dataclass(frozen=True)
class Scaling:
    """Shift and scale of every column of every series that training has shown.

    standard: mean and standard deviation; robust: median and the quartiles' distance / 1.349, which
    outliers do not move; mean: no shift, the mean absolute value (Salinas et al. 2020); none: 0, 1.
    Missing values (NaN) take no part. A column without spread keeps its unit.

    Args:
        kind: Which of these.
        series: Names of the series.
        shift: One row a series, and a last one over all of them; a number a column.
        scale: As `shift`; positive.
    """

    kind: ScalingKind
    series: tuple[str, ...]
    shift: tuple[tuple[float, ...], ...]
    scale: tuple[tuple[float, ...], ...]

    @staticmethod
    def fit(
        kind: ScalingKind, series: Sequence[str], values: Sequence[Array], columns: Sequence[str]
    ) -> Scaling:
        """The figures of the training part.

        Args:
            kind: As the class says.
            series: K names.
            values: K arrays [T_k, F]; NaN where nothing was observed.
            columns: F names, for messages.

        Raises:
            DataError: a column holds no value at all, or values too large for float64's squares.
        """
        parts = [*values, np.concatenate(list(values))]
        figures = [_figures(kind, part, columns) for part in parts]
        # A series without a value in a column takes the figures over all series.
        whole = figures[-1]
        for k, name in enumerate(columns):
            if np.isnan(whole[0][k]):
                raise DataError("expected numbers, got a column without any value", column=name)
        filled = [
            tuple(
                np.where(np.isnan(own), over_all, own)
                for own, over_all in zip(f, whole, strict=True)
            )
            for f in figures
        ]
        return Scaling(
            kind,
            tuple(series),
            tuple(tuple(shift.tolist()) for shift, _ in filled),
            tuple(tuple(scale.tolist()) for _, scale in filled),
        )

    def of(self, series: str) -> tuple[Array, Array]:
        """Shift [F] and scale [F] of a series.

        A model of one series treats every series as that one; of several, a series that training
        has not shown takes the figures over all of them.
        """
        return self.at(self.row_of(series))

    def row_of(self, series: str) -> int:
        """Which row of the figures is a series'; the last one is that over all."""
        if len(self.series) == 1:
            return 0
        return self.series.index(series) if series in self.series else len(self.series)

    def at(self, row: int) -> tuple[Array, Array]:
        """Shift [F] and scale [F] of a row."""
        shift, scale = self._arrays
        return shift[row], scale[row]

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values."""
        return {
            "kind": self.kind,
            "series": list(self.series),
            "shift": [list(row) for row in self.shift],
            "scale": [list(row) for row in self.scale],
        }

    @staticmethod
    def from_json(tree: Any, columns: int) -> Scaling:
        """Read what `to_json` wrote, for so many columns; else a BundleError."""
        tree = json_tree.object_of(tree, "codec: scaling", {"kind", "series", "shift", "scale"})
        kind: Any = json_tree.choice(tree["kind"], "codec: scaling", get_args(ScalingKind))
        series = json_tree.names(tree["series"], "codec: series")
        return Scaling(
            kind,
            series,
            _rows(tree["shift"], "codec: shift", len(series) + 1, columns),
            _rows(tree["scale"], "codec: scale", len(series) + 1, columns, positive=True),
        )

    @cached_property
    def _arrays(self) -> tuple[Array, Array]:
        return np.array(self.shift), np.array(self.scale)


def window_figures(kind: Normalise, history: Array, rows: Array) -> tuple[Array, Array]:
    """By what each window is shifted and scaled before the network reads it.

    none: 0 and 1; last: the last row and 1; window: mean and sqrt(variance + 1e-5) of the rows
    (reversible instance normalisation, without its affine part). Each window's figures depend on
    its own rows alone, to the bit.

    Args:
        kind: Which of these.
        history: Windows, [B, R, A], float64; of window b the first `rows[b]` count.
        rows: [B] int64, at least 1.

    Returns:
        Shift and scale, each [B, A].

    Source: Kim et al. 2022, "Reversible Instance Normalization" (ICLR), eq. 1-2.
    """
    batch = np.arange(len(history))
    shift = np.zeros((len(history), history.shape[2]))
    scale = np.ones_like(shift)
    if kind == "last":
        shift = history[batch, rows - 1]
    elif kind == "window":
        # A running sum adds in the order of time, whatever the shape: numpy's own sums do not.
        count = rows[:, None]
        shift = np.add.accumulate(history, axis=1)[batch, rows - 1] / count
        squares = np.add.accumulate((history - shift[:, None]) ** 2, axis=1)[batch, rows - 1]
        scale = np.sqrt(squares / count + _LEAST_VARIANCE)
    return shift, scale


def _figures(kind: ScalingKind, values: Array, columns: Sequence[str]) -> tuple[Array, Array]:
    """Shift and scale of [T, F], NaN where a column holds nothing."""
    shift, scale = np.zeros(values.shape[1]), np.ones(values.shape[1])
    for k, name in enumerate(columns):
        column = values[~np.isnan(values[:, k]), k]
        if not len(column):
            shift[k] = scale[k] = np.nan
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            if kind == "standard":
                shift[k], scale[k] = column.mean(), column.std()
            elif kind == "robust":
                low, shift[k], high = np.quantile(column, (0.25, 0.5, 0.75))
                scale[k] = (high - low) / _QUARTILES_APART
            elif kind == "mean":
                scale[k] = np.abs(column).mean()
        if not (np.isfinite(shift[k]) and np.isfinite(scale[k])):
            raise DataError(
                f"expected values whose mean and spread float64 can hold, got values up to "
                f"{np.abs(column).max():g}: change the column's unit",
                column=name,
            )
        # Spread lost in rounding is none.
        if scale[k] <= np.finfo(np.float64).eps * abs(shift[k]):
            scale[k] = 1.0
    return shift, scale


def _rows(
    value: Any, where: str, count: int, columns: int, *, positive: bool = False
) -> tuple[tuple[float, ...], ...]:
    rows = value if isinstance(value, list) and len(value) == count else [None] * count
    return tuple(
        tuple(json_tree.numbers(row, where, count=columns, positive=positive)) for row in rows
    )
