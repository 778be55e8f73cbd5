"""The best path through scores of steps and of neighbours, whole or one step at a time.

    score(y) = start[y_0] + sum_t e_t[y_t] + sum_t follow[y_{t-1}, y_t] + end[y_{T-1}]

-inf forbids. Among equal scores the lowest tag wins, at the last step first and then backwards.
Only sums of two numbers and comparisons are taken, so a row's path does not depend, by one bit, on
its neighbours, the padding, or whether it came step by step.

Source: Viterbi 1967; Lafferty, McCallum & Pereira 2001; forward-backward as in Rabiner 1989.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "Potentials",
    "advance",
    "best_paths",
    "marginals",
    "path_score",
    "reached",
    "smoothed",
    "traced",
    "unfold",
]

Array = npt.NDArray[Any]


class Potentials(NamedTuple):
    """Scores of a chain of K tags, float64: start [K], follow [K, K] (from, to), end [K]."""

    start: Array
    follow: Array
    end: Array


def unfold(row: Array, count: int) -> Potentials:
    """The potentials that a network puts out as one row [K * (K + 2)]: start, follow, end."""
    parts = np.asarray(row, np.float64).reshape(count + 2, count)
    return Potentials(parts[0], parts[1:-1], parts[-1])


def advance(scores: Array | None, emissions: Array, potentials: Potentials) -> tuple[Array, Array]:
    """One more step of every row.

    Args:
        scores: Of the best path to each tag so far, [B, K]; None: there was no step yet.
        emissions: Of this step, [B, K], float64.
        potentials: Of the chain.

    Returns:
        The new scores, the best of each row at 0 so that no stream is too long for them; and the
        tag that each came from, [B, K] int64 (itself, at the first step).
    """
    rows, count = emissions.shape
    if scores is None:
        found = potentials.start + emissions
        before = np.broadcast_to(np.arange(count), (rows, count))
    else:
        ways = scores[:, :, None] + potentials.follow
        before = ways.argmax(1)
        found = np.take_along_axis(ways, before[:, None], 1)[:, 0] + emissions
    return found - found.max(1, keepdims=True), before


def traced(last: Array, before: Array) -> Array:
    """The tags of T steps that lead to `last`.

    Args:
        last: Tags [N] at the newest step.
        before: Where each tag came from, [T, K] or [T, N, K], as `advance` gave it.

    Returns:
        [T + 1, N] int64; the first is the tag ahead of these steps, the last is `last`.
    """
    path = np.empty((len(before) + 1, len(last)), np.int64)
    path[-1] = last
    rows = np.arange(len(last))
    for step in range(len(before) - 1, -1, -1):
        table = before[step]
        path[step] = table[path[step + 1]] if table.ndim == 1 else table[rows, path[step + 1]]
    return path


def best_paths(emissions: Array, potentials: Potentials, lengths: Array) -> Array:
    """The path of the highest score of each row.

    Args:
        emissions: [B, T, K], float64.
        potentials: Of the chain.
        lengths: Steps of each row that count, [B], int64.

    Returns:
        Tags [B, T], int64; 0 beyond `lengths`.
    """
    rows, time, count = emissions.shape
    paths = np.zeros((rows, time), np.int64)
    if not rows or not time:
        return paths
    scores, before = advance(None, emissions[:, 0], potentials)
    origins = np.empty((time, rows, count), np.int64)
    origins[0] = before
    stay = np.arange(count)
    for t in range(1, time):
        going = t < lengths
        after, before = advance(scores, emissions[:, t], potentials)
        scores = np.where(going[:, None], after, scores)
        origins[t] = np.where(going[:, None], before, stay)
    paths = traced((scores + potentials.end).argmax(1), origins)[1:].T
    return np.where(np.arange(time) < lengths[:, None], paths, 0)


def path_score(emissions: Array, potentials: Potentials, path: Array) -> float:
    """The score of one path [T] over emissions [T, K]."""
    score = potentials.start[path[0]] + potentials.end[path[-1]]
    score += emissions[np.arange(len(path)), path].sum()
    return float(score + potentials.follow[path[:-1], path[1:]].sum())


def marginals(emissions: Array, potentials: Potentials) -> tuple[Array, float]:
    """The probability of each tag at each step, all paths of one row weighed by exp(score).

    Args:
        emissions: [T, K], float64, T >= 1.
        potentials: Of the chain.

    Returns:
        [T, K], each step summing to 1; and log sum_y exp(score(y)).
    """
    time = len(emissions)
    # Each row and each step has its highest taken off before exp: nothing overflows, and what
    # underflows has no share that float64 could show.
    ahead, behind = np.empty_like(emissions), np.empty_like(emissions)
    ahead[0] = potentials.start + emissions[0]
    for t in range(1, time):
        ahead[t] = _log_sum(ahead[t - 1][:, None] + potentials.follow, 0) + emissions[t]
    behind[-1] = potentials.end
    for t in range(time - 2, -1, -1):
        behind[t] = _log_sum(potentials.follow + (emissions[t + 1] + behind[t + 1]), 1)
    total = float(_log_sum(ahead[-1] + potentials.end, 0))
    found = np.exp(ahead + behind - total)
    return found / found.sum(1, keepdims=True), total


def reached(scores: Array | None, emissions: Array, potentials: Potentials) -> Array:
    """As `advance`, summed over all paths: log sum exp of their scores, the highest at 0.

    Args:
        scores: Of the step before, [K]; None: there was none.
        emissions: Of this step, [K], float64.
        potentials: Of the chain.
    """
    found = potentials.start if scores is None else _log_sum(scores[:, None] + potentials.follow, 0)
    found = found + emissions
    return np.asarray(found - found.max())


def smoothed(ahead: Array, emissions: Array, potentials: Potentials, *, ended: bool) -> Array:
    """The probability of each tag at the last W steps, given all steps so far.

    Args:
        ahead: As `reached` gave them, [W, K], oldest first.
        emissions: Of these steps, [W, K].
        potentials: Of the chain.
        ended: Whether the newest step is the sequence's last one.

    Returns:
        [W, K], each step summing to 1.
    """
    found = np.empty_like(ahead)
    behind = potentials.end if ended else np.zeros(ahead.shape[1])
    for step in range(len(ahead) - 1, -1, -1):
        scores = ahead[step] + behind
        shares = np.exp(scores - scores.max())
        found[step] = shares / shares.sum()
        behind = _log_sum(potentials.follow + (emissions[step] + behind), 1)
    return found


def _log_sum(values: Array, axis: int) -> Array:
    highest = values.max(axis, keepdims=True)
    # -inf - -inf is NaN: where nothing is allowed nothing is taken off.
    highest = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        sums = np.log(np.exp(values - highest).sum(axis))
    found: Array = sums + np.squeeze(highest, axis)
    return found
