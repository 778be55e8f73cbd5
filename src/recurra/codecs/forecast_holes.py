"""What stands in for rows that were not observed in the history of a forecast.

    last     what was observed last
    mean     the mean over the training part
    linear   the line to the next value, in the rows that lie before a window's end; needs them
    mask     what was observed last, whether it was, and how many rows ago

Rows stand on a regular beat, so that their number is their time. Values are scaled already; NaN is
what was not observed. A forecast never reads what came after its own row: a line to a later value
is drawn only where the window holds that value, else what was observed last stands in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from recurra.codecs import json_tree
from recurra.errors import BundleError

__all__ = ["CARRIED", "Filled", "ForecastStrategy", "Holes", "carried_on", "moved_up"]

Array = npt.NDArray[Any]
ForecastStrategy = Literal["last", "mean", "linear", "mask"]


class Filled(NamedTuple):
    """Columns without holes.

    Args:
        values: [T, C].
        carried: What was observed last, [T, C]; None: `values` are that.
        known_from: The row at which each value is known, [T, C] int64; None: its own.
    """

    values: Array
    carried: Array | None = None
    known_from: Array | None = None


@dataclass(frozen=True)
class Holes:
    """A strategy and what it has learnt from the training part.

    Args:
        strategy: One of `ForecastStrategy`.
        means: Of "mean": the scaled mean of each target and past covariate, a row for each row of
            the scaling.
        unit: Of "mask": the rows that count as 1.
    """

    strategy: ForecastStrategy = "last"
    means: tuple[tuple[float, ...], ...] = ()
    unit: float = 1.0

    @staticmethod
    def fit(
        strategy: ForecastStrategy, values: Sequence[Array], figures: Sequence[tuple[Array, Array]]
    ) -> Holes:
        """What the training part says.

        Args:
            strategy: As the class says.
            values: K arrays [T_k, C] in their units; NaN where nothing was observed.
            figures: Shift and scale [C] of each series, and the last ones over all of them.
        """
        if strategy == "mean":
            parts = [*values, np.concatenate(list(values))]
            scaled = [(x - shift) / scale for x, (shift, scale) in zip(parts, figures, strict=True)]
            return Holes(strategy, tuple(_means(x) for x in scaled))
        if strategy == "mask":
            since = np.concatenate([_since(~np.isnan(x)).ravel() for x in values])
            return Holes(strategy, unit=float(since.mean()) or 1.0)
        return Holes(strategy)

    @property
    def marks(self) -> int:
        """Columns beside the value of each column that has holes."""
        return 2 if self.strategy == "mask" else 0

    def why_not_streaming(self) -> str | None:
        """None where a stream can do it; else the reason why not."""
        if self.strategy != "linear":
            return None
        return (
            "missing='linear' draws a line to the next value, which a stream has not seen when the "
            "row comes; train with missing='last' to stream"
        )

    def filled(self, scaled: Array, row: int) -> Filled:
        """Columns [T, C] of a series without their holes; `row` is that of its scaling."""
        carried = carried_on(scaled)
        if self.strategy == "mean":
            return Filled(np.where(np.isnan(scaled), self.means[row], scaled), carried)
        if self.strategy == "linear":
            return _lines(scaled, carried)
        return Filled(carried)

    def columns(self, observed: Array, targets: int) -> list[Array]:
        """The marks of columns [T, C]: those of the covariates, then those of the targets."""
        if not self.marks:
            return []
        marks = (observed.astype(np.float64), _since(observed) / self.unit)
        return [m[:, part] for part in (slice(targets, None), slice(targets)) for m in marks]

    def start(self, columns: int) -> dict[str, Array]:
        """What a stream remembers: how many rows ago each column was observed."""
        return {"since": np.zeros(columns)} if self.marks else {}

    def step(
        self, scaled: Array, newest: Array, row: int, targets: int, slots: Mapping[str, Array]
    ) -> tuple[Array, Array, dict[str, Array]]:
        """One row of a stream, by the arithmetic of `filled` and `columns`.

        Args:
            scaled: [C], NaN where nothing was observed.
            newest: What was observed last, this row included, [C].
            row: Of the scaling.
            targets: How many of the columns are targets.
            slots: What `start` or the row before gave.

        Returns:
            Values [C], their marks, and the new slots.
        """
        observed = ~np.isnan(scaled)
        if not self.marks:
            mean = np.array(self.means[row]) if self.strategy == "mean" else newest
            return np.where(observed, scaled, mean), np.zeros(0), {}
        since = slots["since"]
        marks = (observed.astype(np.float64), since / self.unit)
        parts = [m[part] for part in (slice(targets, None), slice(targets)) for m in marks]
        return newest, np.concatenate(parts), {"since": np.where(observed, 1.0, since + 1.0)}

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values."""
        return {
            "strategy": self.strategy,
            "means": [list(row) for row in self.means],
            "unit": self.unit,
        }

    @staticmethod
    def from_json(tree: Any, rows: int, columns: int) -> Holes:
        """Read what `to_json` wrote, for such a scaling and so many columns; else a BundleError."""
        where = "codec: missing"
        tree = json_tree.object_of(tree, where, {"strategy", "means", "unit"})
        strategy: Any = json_tree.choice(tree["strategy"], where, get_args(ForecastStrategy))
        means, wanted = tree["means"], rows if strategy == "mean" else 0
        if not isinstance(means, list) or len(means) != wanted:
            raise BundleError(f"{where}: means must be {wanted} rows")
        (unit,) = json_tree.numbers([tree["unit"]], f"{where}: unit", count=1, positive=True)
        found = (json_tree.numbers(row, f"{where}: means", count=columns) for row in means)
        return Holes(strategy, tuple(tuple(row) for row in found), unit)


CARRIED = Holes()


def carried_on(scaled: Array) -> Array:
    """Holes filled by what was observed last; ahead of the first value by 0, the usual one."""
    rows = _newest(~np.isnan(scaled))
    filled = np.take_along_axis(scaled, np.maximum(rows, 0), axis=0)
    return np.where(rows < 0, 0.0, filled)


def moved_up(values: Array, lead: int) -> Array:
    """Each row's values of `lead` rows later; the last ones repeat the last row."""
    rows = np.minimum(np.arange(len(values)) + lead, len(values) - 1)
    moved: Array = values[rows]
    return moved


def _newest(observed: Array) -> Array:
    """The newest observed row up to each row, [T, C]; -1: none yet."""
    rows: Array = np.where(observed, np.arange(len(observed))[:, None], -1)
    return np.maximum.accumulate(rows, axis=0)


def _since(observed: Array) -> Array:
    """Rows since a column was observed ahead of each row, or since the first row; [T, C]."""
    rows = np.arange(len(observed))[:, None]
    before = np.concatenate([np.zeros((1, observed.shape[1])), np.maximum(_newest(observed), 0)])
    since: Array = rows - before[:-1]
    return since


def _lines(scaled: Array, carried: Array) -> Filled:
    """Holes on the line between their neighbours, known from the row of the later one on."""
    observed, rows = ~np.isnan(scaled), np.arange(len(scaled))
    values = np.where(observed, scaled, 0.0)
    # The next observed row, seen from the end.
    following = len(scaled) - 1 - _newest(observed[::-1])[::-1]
    for k in range(scaled.shape[1]):
        known = observed[:, k]
        if known.any():
            values[~known, k] = np.interp(rows[~known], rows[known], scaled[known, k])
    # Behind the last value the line is flat, as what is carried on is; without any there is none.
    none = following == len(scaled)
    return Filled(np.where(none, carried, values), carried, np.where(none, 0, following))


def _means(scaled: Array) -> tuple[float, ...]:
    seen = ~np.isnan(scaled)
    sums = np.where(seen, scaled, 0.0).sum(axis=0)
    return tuple((sums / np.maximum(seen.sum(axis=0), 1)).tolist())
