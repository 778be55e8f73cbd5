"""What stands in for a value that was not observed, for whole cases and one step at a time.

    mean     the feature's mean over the training part
    last     its last value; ahead of the first one the mean
    linear   the line between its last and its next value; needs the future
    mask     three inputs a feature: the last value, whether observed, the time since the last one
    decay    values, flags and times go to a GRU-D as they are (Che et al. 2018)

Values are scaled already, so a feature's mean is 0; NaN is what was not observed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from recurra.codecs import json_tree
from recurra.errors import BundleError, DataError, ObservationError, ShapeError
from recurra.spec.node import Signal

__all__ = ["STRATEGIES", "Missing", "Strategy"]

Array = npt.NDArray[Any]
Strategy = Literal["mean", "last", "linear", "mask", "decay"]
STRATEGIES: tuple[Strategy, ...] = ("mean", "last", "linear", "mask", "decay")
# These read how much time has passed; the others do without.
_CLOCKED = ("mask", "decay")


@dataclass(frozen=True)
class Missing:
    """A strategy and what it has learnt from the training part.

    Args:
        strategy: One of `STRATEGIES`.
        timed: The cases have times; else each step counts as one unit of time.
        unit: "mask" and "decay": what they count as 1, in the unit of the times: the mean time
            since a feature was last observed.
    """

    strategy: Strategy
    timed: bool = False
    unit: float = 1.0

    @staticmethod
    def fit(
        strategy: Strategy, inputs: tuple[Array, ...], times: tuple[Array, ...] | None
    ) -> Missing:
        """The strategy for cases [T_i, C] with these times; learns the unit of time."""
        if strategy not in _CLOCKED:
            return Missing(strategy, times is not None and strategy == "linear")
        total, count = 0.0, 0
        for k, x in enumerate(inputs):
            clock = np.arange(len(x), dtype=np.float64) if times is None else times[k]
            since = _since(clock, ~np.isnan(x))
            total, count = total + float(since.sum()), count + since.size
        # Cases of one step only: there is no time between any two.
        unit = total / count if total > 0 else 1.0
        return Missing(strategy, times is not None, unit)

    @property
    def needs_times(self) -> bool:
        """Whether a case without times is refused."""
        return self.timed and self.strategy != "linear"

    def why_not_streaming(self) -> str | None:
        """None where a stream can do it; else the reason why not."""
        if self.strategy != "linear":
            return None
        return (
            "missing='linear' draws a line to the next value, which a stream has not seen yet; "
            "train with missing='last' to stream"
        )

    def signals(self, features: int) -> dict[str, Signal]:
        """What comes out, by name."""
        if self.strategy == "mask":
            return {"x": Signal("steps", 3 * features)}
        values = Signal("steps", features)
        if self.strategy == "decay":
            return {"x": values, "observed": values, "elapsed": Signal("steps", 1)}
        return {"x": values}

    def encode(self, scaled: Array, times: Array | None) -> dict[str, Array]:
        """One case.

        Args:
            scaled: [T, C], NaN where nothing was observed.
            times: [T], in the unit of training; None: there are none.

        Returns:
            The arrays of `signals`, [T, ...], in the dtype of `scaled`.

        Raises:
            DataError: the strategy needs times, and there are none.
            ShapeError: times of another length.
        """
        if times is not None and np.shape(times) != (len(scaled),):
            raise ShapeError(f"expected times [T={len(scaled)}], got {list(np.shape(times))}")
        if times is None and self.needs_times:
            raise DataError(
                f"expected the times of the steps, which missing={self.strategy!r} was trained "
                "with: give them"
            )
        clock = np.arange(len(scaled), dtype=np.float64)
        if self.timed and times is not None:
            clock = np.asarray(times, dtype=np.float64)
        dtype, observed = scaled.dtype, ~np.isnan(scaled)
        if self.strategy in ("mean", "decay"):
            arrays = {"x": np.where(observed, scaled, dtype.type(0))}
        elif self.strategy == "linear":
            arrays = {"x": _between(scaled, observed, clock)}
        else:
            arrays = {"x": _carried(scaled, observed)}
        if self.strategy == "mask":
            since = (_since(clock, observed) / self.unit).astype(dtype)
            arrays["x"] = np.concatenate([arrays["x"], observed.astype(dtype), since], axis=1)
        elif self.strategy == "decay":
            passed = np.diff(clock, prepend=clock[:1]) / self.unit
            arrays |= {"observed": observed.astype(dtype), "elapsed": passed.astype(dtype)[:, None]}
        return arrays

    def start(self, features: int, dtype: str) -> dict[str, Array]:
        """The slots of a new stream: the last value of each feature, and the times that are read.

        `clock` [1] is the time of the newest step, NaN ahead of the first; `seen_at` [C] when a
        feature was observed last, or when the stream began.
        """
        slots: dict[str, Array] = {}
        if self.strategy in ("last", "mask"):
            slots["last"] = np.zeros(features, dtype)
        if self.strategy in _CLOCKED:
            slots["clock"] = np.full(1, np.nan)
        if self.strategy == "mask":
            slots["seen_at"] = np.zeros(features)
        return slots

    def step(
        self, scaled: Array, time: float | None, slots: Mapping[str, Array]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """One observation, by the arithmetic of `encode` to the bit.

        Args:
            scaled: [C], NaN where nothing was observed.
            time: When, in the unit of training; None: no time is known.
            slots: What `start` or the step before gave.

        Returns:
            The arrays of `signals`, the axis of time left out, and the new slots.

        Raises:
            ObservationError: the strategy needs a time, or it runs backwards.
        """
        why = self.why_not_streaming()
        if why is not None:
            raise ObservationError(why)
        dtype, observed = scaled.dtype, ~np.isnan(scaled)
        after: dict[str, Array] = {}
        filled = np.where(observed, scaled, slots.get("last", dtype.type(0)))
        if "last" in slots:
            after["last"] = filled
        arrays = {"x": filled}
        if self.strategy not in _CLOCKED:
            return arrays, after
        before = float(slots["clock"][0])
        first = np.isnan(before)
        now = self._now(time, before)
        after["clock"] = np.array([now])
        if self.strategy == "decay":
            passed = np.array([0.0 if first else now - before]) / self.unit
            return (
                arrays | {"observed": observed.astype(dtype), "elapsed": passed.astype(dtype)},
                after,
            )
        seen_at = np.full(len(scaled), now) if first else slots["seen_at"]
        since = ((now - seen_at) / self.unit).astype(dtype)
        after["seen_at"] = np.where(observed, now, seen_at)
        return {"x": np.concatenate([filled, observed.astype(dtype), since])}, after

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values."""
        return {"strategy": self.strategy, "timed": self.timed, "unit": self.unit}

    @staticmethod
    def from_json(tree: Any) -> Missing:
        """Read what `to_json` wrote; anything else is refused with a BundleError."""
        where = "codec: missing"
        tree = json_tree.object_of(tree, where, {"strategy", "timed", "unit"})
        strategy = next(
            s for s in STRATEGIES if s == json_tree.choice(tree["strategy"], where, STRATEGIES)
        )
        if not isinstance(tree["timed"], bool):
            raise BundleError(f"{where}: timed must be true or false, got {tree['timed']!r}")
        (unit,) = json_tree.numbers([tree["unit"]], f"{where}: unit", count=1, positive=True)
        return Missing(strategy, tree["timed"], unit)

    def _now(self, time: float | None, before: float) -> float:
        if not self.timed:
            return 0.0 if np.isnan(before) else before + 1.0
        if time is None:
            raise ObservationError(
                f"expected the time of the observation, which missing={self.strategy!r} was "
                "trained with: the observation was refused, the state kept"
            )
        if not abs(time) <= sys.float_info.max or time < before:
            raise ObservationError(
                f"expected a time of at least {before!r}, got {time!r}: the observation was "
                "refused, the state kept"
            )
        return float(time)


def _newest(observed: Array) -> Array:
    """The number of the newest observed step up to each step, [T, C]; -1: none yet."""
    steps = np.arange(len(observed))[:, None]
    newest: Array = np.maximum.accumulate(np.where(observed, steps, -1), axis=0)
    return newest


def _carried(scaled: Array, observed: Array) -> Array:
    newest = _newest(observed)
    held = np.take_along_axis(scaled, np.maximum(newest, 0), axis=0)
    return np.where(newest >= 0, held, scaled.dtype.type(0))


def _since(clock: Array, observed: Array) -> Array:
    """Time since a feature was observed ahead of each step, or since the first step; [T, C]."""
    newest = np.maximum(_newest(observed)[:-1], 0)
    seen_at = np.concatenate([np.full((1, observed.shape[1]), clock[0]), clock[newest]])
    since: Array = clock[:, None] - seen_at
    return since


def _between(scaled: Array, observed: Array, clock: Array) -> Array:
    """Lines between observed values; beyond the first and the last these; none: the mean."""
    filled = np.where(observed, scaled, scaled.dtype.type(0))
    for k in range(scaled.shape[1]):
        known = observed[:, k]
        if known.any() and not known.all():
            line = np.interp(clock[~known], clock[known], scaled[known, k].astype(np.float64))
            filled[~known, k] = line.astype(scaled.dtype)
    return filled
