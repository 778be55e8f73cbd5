"""Network numbers -> forecasts with their quantiles, still in the scale of the window."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from recurra.decode.decoder import AbstractDecoder, Array
from recurra.errors import SpecError

__all__ = ["LEAST_SCALE", "Distribution", "ForecastDecoder", "student_quantile"]

Distribution = Literal["point", "gaussian", "student", "quantiles"]
# The least standard deviation: a network that is sure of itself must not divide by zero.
LEAST_SCALE = 1e-4


@dataclass(frozen=True, kw_only=True)
class ForecastDecoder(AbstractDecoder):
    """Rows of the head [B, ahead * outputs * P] -> [B, ahead, outputs, 1 + Q], float64.

    point: P = 1, the number itself, Q = 0.
    gaussian: P = 2, mean m and a; scale s = softplus(a) + 1e-4; quantiles m + s z_p.
    student: P = 3, also c; degrees of freedom 2 + softplus(c); quantiles m + s t_p.
    quantiles: P = Q, the quantiles put in order; the point is the median.

    The first of the last axis is the point, then come the quantiles at `levels`.

    Args:
        ahead: Rows that the network gives at once.
        outputs: Targets of one row of the head.
        distribution: Which of these.
        levels: Q probabilities in (0, 1), rising; of "point" two, where there are margins.
        margins: Of "point": how far from it the truth is expected, for each row ahead and target,
            in the scale of the network; the model adds them on either side.
    """

    kind: ClassVar[str] = "forecast"
    ahead: int
    outputs: int
    distribution: Distribution
    levels: tuple[float, ...] = ()
    margins: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("levels", "margins"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON gives a list
        for name in ("ahead", "outputs"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise SpecError(f"decoder: {name} must be a whole number >= 1, got {value!r}")
        if self.distribution not in get_args(Distribution):
            raise SpecError(
                f"decoder: distribution must be one of {', '.join(get_args(Distribution))}; "
                f"got {self.distribution!r}"
            )
        fits = all(isinstance(p, float) and 0 < p < 1 for p in self.levels)
        if not fits or any(a >= b for a, b in pairwise(self.levels)):
            raise SpecError(f"decoder: levels must rise within 0 and 1, got {list(self.levels)}")
        if not all(isinstance(m, float) and 0 <= m < math.inf for m in self.margins):
            raise SpecError("decoder: margins must be finite numbers >= 0")
        wanted = 2 if self.margins else 0
        if self.distribution == "point" and len(self.levels) != wanted:
            raise SpecError(f"decoder: a point has {wanted} levels, got {len(self.levels)}")
        if self.distribution != "point" and self.margins:
            raise SpecError("decoder: only points have margins")
        if self.distribution == "quantiles" and 0.5 not in self.levels:
            raise SpecError("decoder: quantiles need the level 0.5, which is the point")

    @property
    def parameters(self) -> int:
        """P, numbers for each forecast number."""
        fixed = {"point": 1, "gaussian": 2, "student": 3}
        return fixed.get(self.distribution, len(self.levels))

    @property
    def width(self) -> int:
        """Width of the head."""
        return self.ahead * self.outputs * self.parameters

    def decode(self, outputs: Mapping[str, Array]) -> Array:
        """Points and quantiles [B, ahead, outputs, 1 + Q]."""
        numbers = self._rows(outputs, self.width)
        # Row by row, so that no row's rounding depends on its neighbours.
        return np.stack([self._row(row) for row in numbers])

    def _row(self, numbers: Array) -> Array:
        parts = np.moveaxis(numbers.reshape(self.ahead, self.outputs, self.parameters), 2, 0)
        if self.distribution == "point":
            return np.array(parts[0][:, :, None])
        if self.distribution == "quantiles":
            ordered = np.sort(parts, axis=0)
            point = ordered[self.levels.index(0.5)]
            return np.asarray(np.stack([point, *ordered], axis=2))
        scale = _softplus(parts[1]) + LEAST_SCALE
        if self.distribution == "gaussian":
            steps = [NormalDist().inv_cdf(p) * scale for p in self.levels]
        else:
            freedom = 2.0 + _softplus(parts[2])
            steps = [student_quantile(p, freedom) * scale for p in self.levels]
        return np.stack([parts[0], *(parts[0] + step for step in steps)], axis=2)


def student_quantile(level: float, freedom: Array) -> Array:
    """The quantile of Student's t distribution, to within 0.2 % of its size.

    Args:
        level: In (0, 1).
        freedom: Degrees of freedom, above 2, any shape.

    Source: Hill 1970, Algorithm 396, "Student's t-quantiles", Communications of the ACM 13(10).
    """
    p = 2 * min(level, 1 - level)
    if p == 1:
        return np.zeros_like(freedom)
    n = np.asarray(freedom, np.float64)
    a = 1 / (n - 0.5)
    b = 48 / a**2
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * np.sqrt(a * math.pi / 2) * n
    y = (d * p) ** (2 / n)
    central = y > 0.05 + a
    # Near the centre: an expansion about the normal quantile.
    x = NormalDist().inv_cdf(p / 2)
    near = np.where(n < 5, c + 0.3 * (n - 4.5) * (x + 0.6), c)
    near = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + near
    inner = (((((0.4 * x**2 + 6.3) * x**2 + 36) * x**2 + 94.5) / near - x**2 - 3) / b + 1) * x
    inner = np.expm1(np.where(central, a * inner**2, 0.0))
    # In the tails.
    tail = np.where(central, 1.0, y)
    outer = 1 / (((n + 6) / (n * tail) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)
    outer = (outer * tail - 1) * (n + 1) / (n + 2) + 1 / tail
    size = np.sqrt(n * np.where(central, inner, outer))
    return np.asarray(size if level > 0.5 else -size)


def _softplus(x: Array) -> Array:
    """log(1 + exp(x)), without overflow."""
    smooth: Any = np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0.0)
    return np.asarray(smooth)
