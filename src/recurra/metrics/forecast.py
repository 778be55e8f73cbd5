"""Errors of forecasts [N, H, A] against a truth of that shape; its NaN are not counted.

N forecasts of H rows of A targets, in the targets' own units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import ShapeError

__all__ = ["coverage", "forecast_mae", "forecast_mse", "mase", "pinball", "smape"]

Array = npt.NDArray[Any]


def forecast_mse(forecasts: Array, truth: Array) -> float:
    """The mean squared error over all observed numbers."""
    errors = _errors(forecasts, truth)
    return float(np.mean(errors**2))


def forecast_mae(forecasts: Array, truth: Array) -> float:
    """The mean absolute error over all observed numbers."""
    return float(np.mean(np.abs(_errors(forecasts, truth))))


def mase(forecasts: Array, truth: Array, naive_error: Array) -> float:
    """The mean absolute error in units of the seasonal naive forecast's on the training part.

        mean of |f - y| / q        q = mean over the training part of |y_t - y_{t - season}|

    Args:
        forecasts: [N, H, A].
        truth: [N, H, A].
        naive_error: q of each forecast's series and target, [N, A], positive.

    Source: Hyndman & Koehler 2006, "Another look at measures of forecast accuracy", eq. 3.
    """
    scales = np.broadcast_to(naive_error[:, None], np.shape(truth))
    seen = ~np.isnan(truth)
    return float(np.mean(np.abs(_errors(forecasts, truth)) / scales[seen]))


def smape(forecasts: Array, truth: Array) -> float:
    """The mean of 2 |f - y| / (|f| + |y|), in [0, 2]; 0 where both are 0.

    Source: Makridakis et al. 2020, "The M4 competition", eq. 1 (there in percent).
    """
    errors = np.abs(_errors(forecasts, truth))
    seen = ~np.isnan(truth)
    sizes = np.abs(forecasts[seen]) + np.abs(truth[seen])
    return float(np.mean(np.where(sizes > 0, 2 * errors / np.where(sizes > 0, sizes, 1), 0.0)))


def pinball(quantiles: Array, truth: Array, levels: Sequence[float]) -> float:
    """The mean pinball loss of quantiles [N, H, A, Q] at `levels`, each in (0, 1).

    max(p (y - q), (p - 1) (y - q))
    """
    if quantiles.shape != (*truth.shape, len(levels)):
        raise ShapeError(
            f"expected quantiles {[*truth.shape, len(levels)]}, got {list(quantiles.shape)}"
        )
    seen = ~np.isnan(truth)
    above = truth[seen][:, None] - quantiles[seen]
    p = np.asarray(levels)
    return float(np.mean(np.maximum(p * above, (p - 1) * above)))


def coverage(low: Array, high: Array, truth: Array) -> float:
    """The share of the truth that lies within [low, high], bounds included."""
    seen = ~np.isnan(truth)
    inside = (low[seen] <= truth[seen]) & (truth[seen] <= high[seen])
    if not inside.size:
        raise ShapeError("expected at least one observed number in the truth, got none")
    return float(inside.mean())


def _errors(forecasts: Array, truth: Array) -> Array:
    """The errors of the observed numbers, flat."""
    if forecasts.shape != truth.shape or truth.ndim != 3:
        raise ShapeError(
            f"expected forecasts and truth of one shape [N, H, A], got {list(forecasts.shape)} and "
            f"{list(truth.shape)}"
        )
    seen = ~np.isnan(truth)
    if not seen.any():
        raise ShapeError("expected at least one observed number in the truth, got none")
    errors: Array = forecasts[seen] - truth[seen]
    return errors
