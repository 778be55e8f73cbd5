"""Series: each channel is shifted and scaled by what the training part has shown.

x' = (x - mean) / scale        in float64, then rounded to the model's dtype
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from recurra.codecs import json_tree
from recurra.codecs.cases import Cases
from recurra.errors import DataError, ObservationError, ShapeError
from recurra.spec.node import Signal

__all__ = ["SeriesCodec"]

Array = npt.NDArray[Any]
_KEYS = {"kind", "features", "mean", "scale", "dtype"}


@dataclass(frozen=True)
class SeriesCodec:
    """Raw channels [T, C] -> scaled channels [T, C]; every element by itself, so a step is exact.

    Args:
        features: Names of the C channels.
        mean: Of each channel over all training steps.
        scale: Standard deviation of each channel, positive.
        dtype: Of what comes out.
    """

    kind: ClassVar[str] = "series"
    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    dtype: Literal["float32", "float64"] = "float32"

    @staticmethod
    def fit(cases: Cases, dtype: Literal["float32", "float64"] = "float32") -> SeriesCodec:
        """Means and standard deviations of `cases`, every step weighing the same.

        Raises:
            DataError: a channel is constant or too large to be scaled.
        """
        steps = np.concatenate([np.asarray(x, dtype=np.float64) for x in cases.inputs])
        with np.errstate(over="ignore", invalid="ignore"):
            mean, scale = steps.mean(axis=0), steps.std(axis=0)
        for k, name in enumerate(cases.features):
            if steps[:, k].min() == steps[:, k].max():
                raise DataError(
                    f"expected values that vary, got {steps[0, k]:g} in all {len(steps)} rows of "
                    "the training part: leave the column out (--features names those to read; "
                    "in Python drop it from X)",
                    path=cases.source,
                    column=name,
                )
            if not (np.isfinite(mean[k]) and np.isfinite(scale[k]) and scale[k] > 0):
                raise DataError(
                    f"expected values whose mean and spread float64 can hold, got values up to "
                    f"{np.abs(steps[:, k]).max():g}: change the column's unit",
                    path=cases.source,
                    column=name,
                )
        return SeriesCodec(cases.features, tuple(mean.tolist()), tuple(scale.tolist()), dtype)

    def signal(self) -> Signal:
        """Steps of C floats."""
        return Signal("steps", len(self.features))

    def encode(self, x: Any) -> Array:
        """One case.

        Args:
            x: [T, C], T >= 1, finite.

        Returns:
            [T, C] in `dtype`.

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
            raise DataError(
                f"step {step}: expected a finite number that {self.dtype} can hold once scaled, "
                f"got {raw[step, k]:g}: correct it or leave the case out",
                column=self.features[k],
            )
        return self._scale(raw)

    def step(self, observation: Any) -> Array:
        """One observation, by the arithmetic of `encode`.

        Args:
            observation: C numbers in the order of `features`, or a mapping feature -> number;
                one bare number where C is 1.

        Returns:
            [C] in `dtype`.

        Raises:
            ObservationError: the width or a name differs, or a value is no finite number.
        """
        if isinstance(observation, Mapping):
            observation = self._ordered(observation)
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
            raise ObservationError(
                f"feature {self.features[k]!r} expected a finite number that {self.dtype} can hold "
                f"once scaled, got {raw[k]!s}: the observation was refused, the state kept"
            )
        return self._scale(raw)

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values."""
        return {
            "kind": self.kind,
            "features": list(self.features),
            "mean": list(self.mean),
            "scale": list(self.scale),
            "dtype": self.dtype,
        }

    @staticmethod
    def from_json(tree: Any) -> SeriesCodec:
        """Read what `to_json` wrote; anything else is refused with a BundleError."""
        tree = json_tree.object_of(tree, "codec input", _KEYS)
        json_tree.choice(tree["kind"], "codec input: kind", ("series",))
        features = json_tree.names(tree["features"], "codec: features")
        count = len(features)
        mean = json_tree.numbers(tree["mean"], "codec: mean", count=count)
        scale = json_tree.numbers(tree["scale"], "codec: scale", count=count, positive=True)
        dtype = json_tree.choice(tree["dtype"], "codec: dtype", ("float32", "float64"))
        return SeriesCodec(
            features, tuple(mean), tuple(scale), "float64" if dtype == "float64" else "float32"
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
        return fits

    def _scale(self, raw: Array) -> Array:
        mean, scale, _ = self._arrays
        scaled: Array = (raw - mean) / scale
        return scaled.astype(self.dtype)

    def _ordered(self, observation: Mapping[Any, Any]) -> Sequence[Any]:
        missing = [name for name in self.features if name not in observation]
        unknown = [name for name in observation if name not in self.features]
        if missing or unknown:
            problem = f"lacks {missing[0]!r}" if missing else f"has the unknown {unknown[0]!r}"
            raise ObservationError(
                f"expected the features {', '.join(self.features)}; the observation {problem}"
            )
        return [observation[name] for name in self.features]

    def _refusal(self, observation: Any) -> str:
        came = repr(observation)
        came = came if len(came) <= 80 else came[:77] + "..."
        names = ", ".join(self.features[:5]) + (", ..." if len(self.features) > 5 else "")
        return f"expected {len(self.features)} numbers ({names}), got {came}"
