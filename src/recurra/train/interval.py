"""How sure a mean over seeds and test cases is, and a difference of two: the paired bootstrap.

Both are drawn at random: which seeds a cell was trained with, and which cases the test part holds.
So both are drawn again, with replacement and independently, and the same draws serve every cell:
a difference is that of two cells on the same seeds and the same cases.

    m* = sum_s sum_n u_s v_n d_sn,   u ~ multinomial(S) / S,   v ~ multinomial(N) / N

A bootstrap of few draws is too narrow: its variance lacks the factor n / (n - 1), and its tails are
the normal's where Student's t belongs. Drawing both ways at once is too wide: what is left of d_sn
without the effects of seed and case (of variance i in the mean) is counted three times. Therefore
the distance of each limit from the mean is multiplied by

    k = sqrt((f + 1) / f) * t_f / z * sqrt((s + c - i) / (s + c + i))

where s and c are the variances of the mean over seeds and over cases, i counted in each, and f the
degrees of freedom that Satterthwaite's formula gives for the two together.

Source: Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2); Hesterberg 2015,
"What Teachers Should Know about the Bootstrap", arXiv:1411.5279, section 3.4; Satterthwaite 1946.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

__all__ = ["LEVEL", "Interval", "intervals"]

Array = npt.NDArray[Any]
# Of the confidence that an interval promises.
LEVEL = 0.95
# At 4,000 draws the limits of an interval move by about 2 % of its width from one seed to another.
_DRAWS = 4000
# Draws taken at once: bounds the memory, changes nothing.
_AT_ONCE = 250


@dataclass(frozen=True)
class Interval:
    """A mean and where it may lie.

    Args:
        mean: Over all seeds and cases.
        low: Lower limit.
        high: Upper limit.
    """

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether a difference of nothing is ruled out."""
        return self.low > 0 or self.high < 0

    @property
    def limits(self) -> list[float]:
        """[low, high]."""
        return [self.low, self.high]


def intervals(
    tables: Sequence[Array], *, level: float = LEVEL, draws: int = _DRAWS, seed: int = 0
) -> list[Interval | None]:
    """The interval of each table's mean, all from the same draws.

    Args:
        tables: Each [S, N]: what seed s scored on case n; or [S, 1], where only the mean over the
            cases is known: the cases then count as given. All of the same seeds; of the same cases.
        level: How often such an interval holds the truth.
        draws: Of the bootstrap.
        seed: Of the draws.

    Returns:
        One for each table; None where it has but one seed, of which no spread can be seen.
    """
    found: dict[int, Interval] = {}
    for rows, columns in sorted({table.shape for table in tables}):
        if rows < 2:
            continue
        group = [k for k, table in enumerate(tables) if table.shape == (rows, columns)]
        # Without their means: what does not vary then has no width at all, whatever is rounded.
        around = np.stack([tables[k] - tables[k].mean() for k in group])
        moved = _resampled(around, draws, seed)
        found |= zip(group, _limits([tables[k] for k in group], moved, level), strict=True)
    return [found.get(k) for k in range(len(tables))]


def _resampled(tables: Array, draws: int, seed: int) -> Array:
    """[M, S, N] -> [M, draws]: the means of the resampled tables."""
    _, rows, columns = tables.shape
    # The seeds' draws have a stream of their own, so that they do not depend on the cases.
    of_seeds, of_cases = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    parts = []
    for begin in range(0, draws, _AT_ONCE):
        count = min(_AT_ONCE, draws - begin)
        u = of_seeds.multinomial(rows, np.full(rows, 1 / rows), count) / rows
        v = of_cases.multinomial(columns, np.full(columns, 1 / columns), count) / columns
        parts.append(np.einsum("ds,msn,dn->md", u, tables, v, optimize=True))
    return np.concatenate(parts, axis=1)


def _limits(tables: list[Array], moved: Array, level: float) -> list[Interval]:
    tail = (1 - level) / 2
    found = []
    for table, drawn in zip(tables, moved, strict=True):
        mean, factor = float(table.mean()), _stretch(table, tail)
        low, high = (mean + factor * float(np.quantile(drawn, q)) for q in (tail, 1 - tail))
        found.append(Interval(mean, low, high))
    return found


def _stretch(table: Array, tail: float) -> float:
    """k of the module's equation."""
    rows, columns = table.shape
    by_seed, by_case = table.mean(axis=1), table.mean(axis=0)
    seeds = float(by_seed.var(ddof=1)) / rows
    cases = float(by_case.var(ddof=1)) / columns if columns > 1 else 0.0
    if seeds + cases == 0:
        return 1.0
    freedom = (seeds + cases) ** 2 / (seeds**2 / (rows - 1) + cases**2 / max(1, columns - 1))
    rest = table - by_seed[:, None] - by_case + table.mean()
    both = float(np.square(rest).sum()) / (max(1, rows - 1) * max(1, columns - 1) * table.size)
    # The mean varies at least as much as either alone makes it.
    once = max(seeds, cases, seeds + cases - both)
    students = float(stdtrit(freedom, 1 - tail)) / float(stdtrit(math.inf, 1 - tail))
    return math.sqrt((freedom + 1) / freedom * once / (seeds + cases + both)) * students
