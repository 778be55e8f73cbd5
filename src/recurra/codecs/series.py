"""Series: each channel is shifted and scaled by what the training part has shown.

x' = (min(max(x, low), high) - mean) / scale        in float64, then rounded to the model's dtype

What was not observed, NaN, takes no part, and is stood in for as `recurra.codecs.missing` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from recurra.codecs import json_tree
from recurra.codecs.cases import Cases
from recurra.codecs.missing import Missing, Strategy
from recurra.errors import BundleError, DataError, ObservationError, ShapeError
from recurra.spec.counted import counted
from recurra.spec.node import Signal

__all__ = ["SeriesCodec"]

Array = npt.NDArray[Any]
_KEYS = {"kind", "features", "mean", "scale", "dtype"}
# Written where there are any: bundles that were made before know neither.
_LATER = ("missing", "bounds")
_ADVICE = "train with missing='last' (or mean, mask, decay) to take missing values"


@dataclass(frozen=True)
class SeriesCodec:
    """Raw channels [T, C] -> scaled channels [T, C]; every element by itself, so a step is exact.

    Args:
        features: Names of the C channels.
        mean: Of each channel over all observed training steps, within its bounds.
        scale: Standard deviation of each channel, positive.
        dtype: Of what comes out.
        missing: What stands in for NaN; None: NaN is refused.
        bounds: Lowest and highest value of each channel; others are cut to them. None: no bounds.
    """

    kind: ClassVar[str] = "series"
    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    dtype: Literal["float32", "float64"] = "float32"
    missing: Missing | None = None
    bounds: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    @staticmethod
    def fit(
        cases: Cases,
        dtype: Literal["float32", "float64"] = "float32",
        *,
        missing: Strategy | Literal["auto"] = "auto",
        winsorise: float = 0.0,
    ) -> SeriesCodec:
        """Means and standard deviations of `cases`, every observed value weighing the same.

        Args:
            cases: The training part.
            dtype: Of what comes out.
            missing: What stands in for missing values; "auto": the last value where there are any,
                else they are refused from then on.
            winsorise: Share of a channel's values at either end that are cut to the value there.

        Raises:
            DataError: a channel is constant, without any value, or too large to be scaled.
        """
        steps = np.concatenate([np.asarray(x, dtype=np.float64) for x in cases.inputs])
        strategy = missing
        if strategy == "auto" and np.isnan(steps).any():
            strategy = "last"
        flagged = strategy in ("mask", "decay")
        scaled = [
            _Channel.of(cases, name, steps[:, k], winsorise, flagged)
            for k, name in enumerate(cases.features)
        ]
        return SeriesCodec(
            cases.features,
            tuple(channel.mean for channel in scaled),
            tuple(channel.scale for channel in scaled),
            dtype,
            None if strategy == "auto" else Missing.fit(strategy, cases.inputs, cases.times),
            (tuple(channel.low for channel in scaled), tuple(channel.high for channel in scaled))
            if winsorise
            else None,
        )

    def signal(self) -> Signal:
        """Steps of C floats: what `encode` gives."""
        return Signal("steps", len(self.features))

    def signals(self) -> dict[str, Signal]:
        """What `arrays` gives, by name."""
        count = len(self.features)
        return {"x": self.signal()} if self.missing is None else self.missing.signals(count)

    def why_not_streaming(self) -> str | None:
        """None where a stream can do it; else the reason why not."""
        return None if self.missing is None else self.missing.why_not_streaming()

    def arrays(self, x: Any, times: Array | None = None) -> dict[str, Array]:
        """One case [T, C] with its times [T], where there are any, as the arrays of `signals`.

        Raises:
            ShapeError, DataError: as `encode`; the times are missing or too few.
        """
        scaled = self.encode(x)
        return {"x": scaled} if self.missing is None else self.missing.encode(scaled, times)

    def start(self) -> dict[str, Array]:
        """The slots of a new stream."""
        return {} if self.missing is None else self.missing.start(len(self.features), self.dtype)

    def advance(
        self, observation: Any, time: float | None, slots: Mapping[str, Array]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """One observation of a stream: what `arrays` gives for its step, and the new slots.

        Raises:
            ObservationError: as `step`; a time is needed, or runs backwards.
        """
        scaled = self.step(observation)
        if self.missing is None:
            return {"x": scaled}, dict(slots)
        return self.missing.step(scaled, time, slots)

    def encode(self, x: Any) -> Array:
        """One case.

        Args:
            x: [T, C], T >= 1, finite; with `missing` NaN where nothing was observed.

        Returns:
            [T, C] in `dtype`, NaN where x is.

        Raises:
            ShapeError: other axes.
            DataError: a value is missing, infinite or far beyond what training has shown.
        """
        raw = np.asarray(x, dtype=np.float64)
        if raw.ndim != 2 or raw.shape[1] != len(self.features) or len(raw) == 0:
            raise ShapeError(
                f"the codec expected a case [T >= 1, C={len(self.features)}], "
                f"got {list(raw.shape)}: give the channels {', '.join(self.features[:5])} in order"
            )
        fits = self._fits(raw)
        if not fits.all():
            step, k = (int(i) for i in np.argwhere(~fits)[0])
            advice = _ADVICE if np.isnan(raw[step, k]) else "correct it or leave the case out"
            raise DataError(
                f"step {step}: expected a finite number that {self.dtype} can hold once scaled, "
                f"got {raw[step, k]:g}: {advice}",
                column=self.features[k],
            )
        return self._scale(raw)

    def step(self, observation: Any) -> Array:
        """One observation, by the arithmetic of `encode`.

        Args:
            observation: C numbers in the order of `features`, or a mapping feature -> number;
                one bare number where C is 1. With `missing`, NaN, None and absent keys are what
                was not observed.

        Returns:
            [C] in `dtype`.

        Raises:
            ObservationError: the width or a name differs, or a value is no finite number.
        """
        if isinstance(observation, Mapping):
            observation = self._ordered(observation)
        if self.missing is not None and isinstance(observation, list | tuple):
            observation = [np.nan if value is None else value for value in observation]
        try:
            raw = np.asarray(observation)
        except (TypeError, ValueError, OverflowError):
            raise ObservationError(self._refusal(observation)) from None
        if raw.ndim == 0 and len(self.features) == 1:
            raw = raw.reshape(1)
        if raw.dtype.kind not in "biuf" or raw.itemsize > 8 or raw.shape != (len(self.features),):
            raise ObservationError(self._refusal(observation))
        raw = raw.astype(np.float64, copy=False)
        fits = self._fits(raw)
        if np.count_nonzero(fits) < len(fits):
            k = int(np.flatnonzero(~fits)[0])
            advice = f"; {_ADVICE}" if np.isnan(raw[k]) else ""
            raise ObservationError(
                f"feature {self.features[k]!r} expected a finite number that {self.dtype} can hold "
                f"once scaled, got {raw[k]!s}: the observation was refused, the state kept{advice}"
            )
        return self._scale(raw)

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values."""
        tree: dict[str, Any] = {
            "kind": self.kind,
            "features": list(self.features),
            "mean": list(self.mean),
            "scale": list(self.scale),
            "dtype": self.dtype,
        }
        if self.missing is not None:
            tree["missing"] = self.missing.to_json()
        if self.bounds is not None:
            tree["bounds"] = [list(ends) for ends in self.bounds]
        return tree

    @staticmethod
    def from_json(tree: Any) -> SeriesCodec:
        """Read what `to_json` wrote; anything else is refused with a BundleError."""
        given = {key for key in _LATER if isinstance(tree, dict) and key in tree}
        tree = json_tree.object_of(tree, "codec input", _KEYS | given)
        json_tree.choice(tree["kind"], "codec input: kind", ("series",))
        features = json_tree.names(tree["features"], "codec: features")
        count = len(features)
        mean = json_tree.numbers(tree["mean"], "codec: mean", count=count)
        scale = json_tree.numbers(tree["scale"], "codec: scale", count=count, positive=True)
        dtype = json_tree.choice(tree["dtype"], "codec: dtype", ("float32", "float64"))
        return SeriesCodec(
            features,
            tuple(mean),
            tuple(scale),
            "float64" if dtype == "float64" else "float32",
            Missing.from_json(tree["missing"]) if "missing" in tree else None,
            _bounds(tree["bounds"], count) if "bounds" in tree else None,
        )

    @cached_property
    def _arrays(self) -> tuple[Array, Array, Array]:
        """Mean, scale, and the largest raw value whose scaling is sure not to overflow."""
        mean, scale = np.array(self.mean), np.array(self.scale)
        with np.errstate(over="ignore"):
            widest = np.minimum(np.finfo(self.dtype).max * scale, np.finfo(np.float64).max)
        return mean, scale, widest / 2 - np.abs(mean)

    def _fits(self, raw: Array) -> Array:
        # False for NaN too.
        fits: Array = np.abs(raw) <= self._arrays[2]
        return fits if self.missing is None else fits | np.isnan(raw)

    def _scale(self, raw: Array) -> Array:
        mean, scale, _ = self._arrays
        if self.bounds is not None:
            # Not np.minimum: which of -0 and +0 it takes may depend on where they stand.
            low, high = np.array(self.bounds[0]), np.array(self.bounds[1])
            raw = np.where(raw < low, low, np.where(raw > high, high, raw))
        scaled: Array = (raw - mean) / scale
        return scaled.astype(self.dtype)

    def _ordered(self, observation: Mapping[Any, Any]) -> Sequence[Any]:
        absent = [name for name in self.features if name not in observation]
        lacks = absent if self.missing is None else []
        unknown = [name for name in observation if name not in self.features]
        if lacks or unknown:
            problem = f"lacks {lacks[0]!r}" if lacks else f"has the unknown {unknown[0]!r}"
            raise ObservationError(
                f"expected the features {', '.join(self.features)}; the observation {problem}"
            )
        return [observation.get(name) for name in self.features]

    def _refusal(self, observation: Any) -> str:
        came = repr(observation)
        came = came if len(came) <= 80 else came[:77] + "..."
        names = ", ".join(self.features[:5]) + (", ..." if len(self.features) > 5 else "")
        return f"expected {len(self.features)} numbers ({names}), got {came}"


class _Channel(NamedTuple):
    """What the training part says of one channel."""

    mean: float
    scale: float
    low: float
    high: float

    @staticmethod
    def of(cases: Cases, name: str, values: Array, winsorise: float, flagged: bool) -> _Channel:
        """Of its values [steps], NaN where missing; `flagged`: the network reads what is missing.

        Raises:
            DataError: it is constant, without any value, or too large to be scaled.
        """
        where: dict[str, Any] = {"path": cases.source, "column": name}
        leave_out = (
            "leave the column out (--features names those to read; in Python drop it from X)"
        )
        seen = values[~np.isnan(values)]
        if len(seen) == 0:
            raise DataError(
                f"expected values, got none in all {counted(len(values), 'row')} of the training "
                f"part: {leave_out}",
                **where,
            )
        low, high = float(seen.min()), float(seen.max())
        if low == high:
            if flagged and len(seen) < len(values):
                # That it was observed at all is what it tells.
                return _Channel(low, 1.0, low, high)
            raise DataError(
                f"expected values that vary, got {low:g} in all {counted(len(seen), 'row')} of "
                f"the training part: {leave_out}",
                **where,
            )
        if winsorise:
            cut = np.quantile(seen, [winsorise, 1.0 - winsorise])
            if cut[0] < cut[1]:
                low, high = (float(end) for end in cut)
                seen = np.minimum(np.maximum(seen, low), high)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, scale = float(seen.mean()), float(seen.std())
        if not (np.isfinite(mean) and np.isfinite(scale) and scale > 0):
            raise DataError(
                f"expected values whose mean and spread float64 can hold, got values up to "
                f"{np.abs(seen).max():g}: change the column's unit",
                **where,
            )
        return _Channel(mean, scale, low, high)


def _bounds(tree: Any, count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if not isinstance(tree, list) or len(tree) != 2:
        raise BundleError("codec: bounds must be two lists, of the lowest and the highest values")
    low, high = (tuple(json_tree.numbers(ends, "codec: bounds", count=count)) for ends in tree)
    if any(a > b for a, b in zip(low, high, strict=True)):
        raise BundleError("codec: bounds must have no lowest value above the highest")
    return low, high
