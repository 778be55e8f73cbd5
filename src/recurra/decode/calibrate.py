"""What held-out answers teach a decoder: a temperature, a threshold, how far to trust it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import SpecError

__all__ = [
    "best_temperature",
    "best_threshold",
    "conformal_quantile",
    "conformal_sets",
    "tempered",
]

Array = npt.NDArray[Any]
# log T is looked for between these, to so many digits.
_WIDEST = math.log(100.0)
_TRIES = 60


def tempered(probabilities: Array, temperature: float) -> Array:
    """Probabilities of logits divided by `temperature`, [N, K] float64.

    p_k^(1/T) / sum_j p_j^(1/T), which needs no logits: they are log p up to a constant.
    """
    with np.errstate(divide="ignore"):
        logits = np.log(np.asarray(probabilities, np.float64)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    scaled: Array = powers / powers.sum(axis=1, keepdims=True)
    return scaled


def best_temperature(probabilities: Array, truth: Array) -> float:
    """The temperature T > 0 that makes the truth most probable.

    The mean of -log p(true class) is a convex function of 1/T; it is minimised over log T by golden
    section. One number is fitted, so a few dozen cases suffice; it never changes which class is the
    most probable.

    Args:
        probabilities: Of a network at temperature 1, [N, K].
        truth: Class indices [N].

    Source: Guo et al. 2017, arXiv:1706.04599, section 4.2.
    """
    probabilities = np.asarray(probabilities, np.float64)
    tiny = np.finfo(np.float64).tiny
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        scaled = tempered(np.maximum(probabilities, tiny), math.exp(log_temperature))
        return float(-np.log(np.maximum(scaled[rows, truth], tiny)).mean())

    low, high = -_WIDEST, _WIDEST
    share = (math.sqrt(5) - 1) / 2
    for _ in range(_TRIES):
        left, right = high - share * (high - low), low + share * (high - low)
        low, high = (low, right) if loss(left) <= loss(right) else (left, high)
    return math.exp((low + high) / 2)


def best_threshold(scores: Array, truth: Array) -> float:
    """The probability of class 1 above which class 1 is called, for the best macro F1.

    Candidates lie half way between neighbouring scores; of equally good ones the nearest to 1/2.

    Args:
        scores: Probability of class 1, [N].
        truth: 0 or 1, [N].
    """
    order = np.argsort(scores, kind="stable")
    ranked, positive = np.asarray(scores, np.float64)[order], np.asarray(truth)[order] == 1
    candidates = np.concatenate([[0.0], (ranked[1:] + ranked[:-1]) / 2, [1.0]])
    # With candidate k the first k cases are called 0, the others 1.
    ones_below = np.concatenate([[0], np.cumsum(positive)])
    below = np.arange(len(ranked) + 1)
    ones, zeros = int(positive.sum()), int((~positive).sum())
    hits_one, hits_zero = ones - ones_below, below - ones_below
    f1_one = 2 * hits_one / np.maximum(len(ranked) - below + ones, 1)
    f1_zero = 2 * hits_zero / np.maximum(below + zeros, 1)
    value = (f1_one + f1_zero) / 2
    # Where neighbours score the same, no threshold comes between them.
    possible = np.concatenate([[ranked[0] > 0], ranked[1:] > ranked[:-1], [True]])
    value = np.where(possible, value, -1.0)
    best = np.flatnonzero(value == value.max())
    return float(candidates[best[np.argmin(np.abs(candidates[best] - 0.5))]])


def conformal_quantile(scores: Array, coverage: float) -> float:
    """The score that a new case stays at or below with probability at least `coverage`.

    The ceil((n + 1) * coverage)-th smallest of n held-out scores; infinity where n is too small to
    promise anything. It holds if new cases are exchangeable with the held-out ones.

    Args:
        scores: How badly each held-out case was answered, [N]; larger is worse.
        coverage: In (0, 1).

    Source: Vovk et al. 2005; Angelopoulos & Bates 2021, arXiv:2107.07511, section 1.
    """
    rank = math.ceil((len(scores) + 1) * coverage)
    if rank > len(scores):
        return math.inf
    return float(np.sort(np.asarray(scores, np.float64))[rank - 1])


def conformal_sets(probabilities: Array, called: Array, doubt: float | None) -> Array:
    """Which classes cannot be ruled out, [N, K] bool; the called one always belongs to them.

    Args:
        probabilities: [N, K].
        called: The answers, [N].
        doubt: `conformal_quantile` of 1 - p(truth); None: the model has none.

    Raises:
        SpecError: the model was trained without a coverage.
    """
    if doubt is None:
        raise SpecError("this model has no sets: train it with coverage=0.9 or the like")
    found: Array = 1.0 - np.asarray(probabilities) <= doubt
    found[np.arange(len(found)), called] = True
    return found
