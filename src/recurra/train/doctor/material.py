"""What is learnt from, in figures: scale and memory of the inputs, spread and secrets of the truth.

Everything is measured on at most a few hundred cases: shares to a few per cent are enough to see
what is wrong, and a training must not wait for its doctor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs import Cases
from recurra.codecs.windows import Windows
from recurra.spec.batch import EncodedCases

__all__ = ["MOST_CASES", "duplicates", "inputs_of", "leak_of", "relevance_of", "some", "spread_of"]

Array = npt.NDArray[Any]
MOST_CASES = 400
# Numbers that are looked at, of all that the cases hold.
_MOST_NUMBERS = 50_000
# Distances from the end at which it is asked what the inputs say of the truth.
_DISTANCES = 24
# Texts shorter than this may well be the same by chance.
_LONG_TEXT = 20


def some(count: int, most: int = MOST_CASES) -> Array:
    """At most so many numbers below `count`, evenly spread, [n] int64."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def spread_of(values: Array) -> float:
    """How far an ordinary value lies from the most common one, in standard deviations.

        median |v - mode| / std,   v those that are not the mode

    Normal values have 0.67, a flag that is rarely set more than 1; where a few huge values make the
    standard deviation, the others lie within a small part of it.
    """
    values = values[np.isfinite(values)]
    deviation = float(values.std()) if len(values) else 0.0
    if deviation == 0.0:
        return 0.0
    found, counts = np.unique(values, return_counts=True)
    # Without a value that stands out, the middle one takes its place.
    common = counts.max() > 0.2 * len(values)
    centre = found[counts.argmax()] if common else np.median(values)
    apart = np.abs(values - centre)
    apart = apart[apart > 0]
    return float(np.median(apart) / deviation) if len(apart) else 0.0


def inputs_of(cases: EncodedCases, names: Sequence[str]) -> dict[str, Any]:
    """Scale of what the network reads, column by column, and for how long it remembers itself.

    Args:
        cases: The training part.
        names: Of the columns, where there are any.

    Returns:
        Of real inputs `deviations` (smallest, largest), `typical` (the least `spread_of`) with the
        `column` that has it, `largest` value and `memory`, steps until the autocorrelation has
        fallen to 1/e; of symbols {}.
    """
    x, lengths = _steps(cases)
    if x is None:
        return {}
    inside = np.arange(x.shape[1]) < lengths[:, None]
    values = x[inside]
    keep = some(len(values), max(1, _MOST_NUMBERS // max(1, values.shape[1])))
    values = values[keep].astype(np.float64)
    deviations = values.std(axis=0)
    moving = np.flatnonzero(deviations > 0)
    if not len(moving):
        return {}
    spreads = np.array([spread_of(values[:, k]) for k in moving])
    worst = int(moving[spreads.argmin()])
    return {
        "deviations": [float(deviations[moving].min()), float(deviations.max())],
        "typical": float(spreads.min()),
        "column": names[worst] if len(names) == len(deviations) else f"column {worst}",
        "largest": float(np.abs(values).max()),
        "memory": _memory(x, lengths),
    }


def _steps(cases: EncodedCases) -> tuple[Array | None, Array]:
    """ "x" of some cases side by side, [B, T, C]; None where it is of symbols."""
    batch = cases.collate(some(len(cases), 64 if isinstance(cases, Windows) else MOST_CASES))
    x = batch.steps.get("x")
    if x is None or x.ndim != 3 or not np.issubdtype(x.dtype, np.floating):
        return None, batch.lengths
    return x, batch.lengths


def _memory(x: Array, lengths: Array) -> int:
    """Steps until the autocorrelation, over all columns, is below 1/e."""
    inside = (np.arange(x.shape[1]) < lengths[:, None])[..., None]
    count = np.maximum(inside.sum(axis=1, keepdims=True), 1)
    away = np.where(inside, x - np.where(inside, x, 0).sum(axis=1, keepdims=True) / count, 0.0)
    power = float(np.square(away).mean()) or 1.0
    for lag in range(1, x.shape[1]):
        together = away[:, lag:] * away[:, :-lag]
        share = float(together.sum()) / (power * max(1, int(inside[:, lag:].sum()) * x.shape[2]))
        if share < np.exp(-1):
            return lag
    return int(x.shape[1])


def relevance_of(cases: EncodedCases, truth: Array, *, classes: bool) -> list[list[float]]:
    """How much of the truth single inputs explain, over their distance from the end.

    Args:
        cases: Those that `some` picks are looked at.
        truth: Of each of these, [n]: class or number.
        classes: Whether the truth is a class.

    Returns:
        [distance in steps, share of variance explained beyond what chance explains].
    """
    x, lengths = _steps(cases)
    if x is None or len(x) < 20:
        return []
    found = []
    shortest = int(np.quantile(lengths, 0.25))
    if shortest < 1:
        return []
    for distance in np.unique(np.linspace(0, shortest - 1, _DISTANCES).astype(np.int64)):
        there = lengths > distance
        rows = x[there, lengths[there] - 1 - distance].astype(np.float64)
        explained = max(_explained(rows[:, k], truth[there], classes) for k in range(x.shape[2]))
        found.append([int(distance), explained])
    return found


def _explained(values: Array, truth: Array, classes: bool) -> float:
    """Share of the variance of one by the other, beyond what chance explains.

    classes: between the means of the classes (eta squared); numbers: the squared correlation.
    """
    total = float(np.square(values - values.mean()).sum())
    if total <= 0 or len(values) < 3:
        return 0.0
    if classes:
        number = np.unique(truth, return_inverse=True)[1]
        counts = np.bincount(number)
        means = np.bincount(number, values) / counts
        share = float((counts * np.square(means - values.mean())).sum()) / total
        degrees = len(counts) - 1
    else:
        other = truth - truth.mean()
        size = float(np.square(other).sum()) * total
        share = float(((values - values.mean()) * other).sum()) ** 2 / size if size > 0 else 0.0
        degrees = 1
    # Adjusted for the classes: of noise it is 0 in the mean.
    left = max(1, len(values) - 1 - degrees)
    return max(0.0, 1 - (1 - share) * (len(values) - 1) / left)


def leak_of(cases: Cases, truth: Array, *, classes: bool) -> dict[str, Any]:
    """The single figure of a single feature that gives the truth away most.

    Args:
        cases: Raw series.
        truth: Of each, [N].
        classes: Whether the truth is a class.

    Returns:
        `explained`, the share of variance, with `column`, `figure` ("mean", "first value",
        "last value") and the `others` beside that column; {} for what is no series.
    """
    if cases.kind != "series" or len(cases) < 20:
        return {}
    index = some(len(cases))
    inputs = [np.asarray(cases.inputs[int(k)], np.float64) for k in index]
    best: dict[str, Any] = {}
    for name, column in zip(cases.features, range(len(cases.features)), strict=True):
        series = [x[:, column][np.isfinite(x[:, column])] for x in inputs]
        whole = [k for k, s in enumerate(series) if len(s)]
        if len(whole) < 20:
            continue
        known = truth[index][whole]
        for figure, pick in (("mean", np.mean), ("first value", _first), ("last value", _last)):
            values = np.array([pick(series[k]) for k in whole])
            explained = _explained(values, known, classes)
            if not best or explained > best["explained"]:
                best = {"explained": explained, "column": name, "figure": figure}
    if best:
        best["others"] = [name for name in cases.features if name != best["column"]]
    return best


def _first(series: Array) -> float:
    return float(series[0])


def _last(series: Array) -> float:
    return float(series[-1])


def duplicates(train: Cases, held: Cases) -> float:
    """The share of held-out sequences that stand in the training part too; 0 where unknowable."""
    if train.kind not in ("series", "text"):
        return 0.0
    seen = {_key(x) for x in train.inputs}
    index = some(len(held))
    keys = [_key(held.inputs[int(k)]) for k in index]
    return float(np.mean([key is not None and key in seen for key in keys]))


def _key(x: Any) -> Any:
    """What tells a sequence from others; None: too short to."""
    if isinstance(x, str):
        return x if len(x) >= _LONG_TEXT else None
    array = np.asarray(x, np.float64)
    return array.tobytes() if array.size > 2 and np.ptp(array) > 0 else None
