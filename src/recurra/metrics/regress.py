"""Squared error, absolute error and R² of values [N] or [N, D] against the truth of that shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import ShapeError

__all__ = ["mae", "mse", "r2"]

Array = npt.NDArray[Any]


def mse(answers: Array, truth: Array) -> float:
    """The mean squared error, in the target's unit squared."""
    answers, truth = _checked(answers, truth)
    return float(np.mean((answers - truth) ** 2))


def mae(answers: Array, truth: Array) -> float:
    """The mean absolute error, in the target's unit."""
    answers, truth = _checked(answers, truth)
    return float(np.mean(np.abs(answers - truth)))


def r2(answers: Array, truth: Array) -> float:
    """1 - (squared error) / (squared distance from the mean), averaged over D.

    Where the truth does not vary it is 1 for exact answers and 0 for others.
    """
    answers, truth = _checked(answers, truth)
    errors = np.sum((answers - truth) ** 2, axis=0)
    spread = np.sum((truth - truth.mean(axis=0)) ** 2, axis=0)
    varies = spread > 0
    explained = 1 - errors / np.where(varies, spread, 1.0)
    return float(np.mean(np.where(varies, explained, np.where(errors == 0, 1.0, 0.0))))


def _checked(answers: Array, truth: Array) -> tuple[Array, Array]:
    answers, truth = np.asarray(answers, np.float64), np.asarray(truth, np.float64)
    if answers.shape != truth.shape or answers.ndim not in (1, 2) or not truth.size:
        raise ShapeError(
            "expected values and truth of one shape, [N] or [N, D], N >= 1, "
            f"got {list(answers.shape)} and {list(truth.shape)}"
        )
    return answers, truth
