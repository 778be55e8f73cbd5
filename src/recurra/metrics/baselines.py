"""Forecasts without a network, which every network must beat: last value, seasonal naive, linear.

The linear map is NLinear (Zeng et al. 2023), shared by all targets and fitted in closed form:

    y - x_R = W (x - x_R) + b
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs.windows import Windows
from recurra.errors import ShapeError

__all__ = ["fit_linear_map", "last_value", "linear_inputs", "seasonal_naive"]

Array = npt.NDArray[Any]
# Rows of the regression taken at once, and at most: more change the map in the fourth digit.
_CHUNK = 2**13
_MOST_ROWS = 2**17
# Ridge penalties that are tried, in units of the sum of squares of an input.
_PENALTIES = (1e-6, 1e-4, 1e-2, 1.0)
# Windows of which less was observed are left out.
_LEAST_SEEN = 0.5
# The last share of the windows, on which the penalty is chosen.
_WATCHED = 0.2


def last_value(past: Array, horizon: int) -> Array:
    """The last row of each window again and again: past [B, R, A] -> [B, horizon, A]."""
    return np.repeat(past[:, -1:], horizon, axis=1)


def seasonal_naive(past: Array, horizon: int, season: int) -> Array:
    """What stood there a season ago: past [B, R >= season, A] -> [B, horizon, A].

    Raises:
        ShapeError: the past is shorter than a season.
    """
    if past.shape[1] < season:
        raise ShapeError(
            f"expected a past of at least a season, {season} rows, got {past.shape[1]}"
        )
    rows = past.shape[1] - season + np.arange(horizon) % season
    return past[:, rows]


def linear_inputs(windows: Windows, index: Array) -> tuple[Array, Array, Array]:
    """What the linear map reads of some windows, and what makes its answers the targets' again.

    Returns:
        x [B * A, R], each window's targets side by side, its last row taken off; shift and scale
        [B, A].
    """
    cut = windows.cut
    whole = windows.with_cut(segment=cut.lookback, channels="separate", normalise="last", ahead=0)
    batch = whole.collate(index)
    return batch.steps["x"][:, 0, : cut.lookback], batch.rows["shift"], batch.rows["scale"]


def fit_linear_map(windows: Windows) -> tuple[Array, Array]:
    """Ridge regression from windows to what comes after them.

    The penalty is the one of a few that forecasts the last fifth of the windows best.

    Args:
        windows: Of the training part, R rows each.

    Returns:
        W [H, R] and b [H], float64.

    Source: Zeng et al. 2023, "Are Transformers Effective for Time Series Forecasting?" (NLinear).
    """
    cut = windows.cut
    whole = windows.with_cut(
        segment=cut.lookback,
        channels="separate",
        normalise="last",
        ahead=cut.horizon,
        dtype="float64",
    )
    count = min(len(whole), max(1, _MOST_ROWS // cut.targets))
    index = np.linspace(0, len(whole) - 1, count).astype(np.int64)
    # Neighbours share most of their rows, so the watched windows are the last, not any.
    border = max(1, round(len(index) * (1 - _WATCHED)))
    first, rest = _products(whole, index[:border]), _products(whole, index[border:])
    both = tuple(a + b for a, b in zip(first, rest, strict=True))
    errors = [_error(_solved(first, penalty), rest) for penalty in _PENALTIES]
    weight = _solved(both, _PENALTIES[int(np.argmin(errors))])
    return weight[:-1].T.copy(), weight[-1].copy()


def _products(windows: Windows, index: Array) -> tuple[Array, Array, Array]:
    """X'X, X'Y and Y'Y's diagonal of the regression, with a column of ones for b."""
    rows, ahead = windows.cut.lookback, windows.cut.ahead
    xx, xy = np.zeros((rows + 1, rows + 1)), np.zeros((rows + 1, ahead))
    yy = np.zeros(ahead)
    for begin in range(0, len(index), _CHUNK // windows.cut.targets + 1):
        batch = windows.collate(index[begin : begin + _CHUNK // windows.cut.targets + 1])
        # Of few holes ahead the last value stands in; of many it would teach that nothing moves.
        whole = batch.rows["y_weight"].mean(axis=1) >= _LEAST_SEEN
        x, y = batch.steps["x"][whole, 0, :rows], batch.rows["y"][whole]
        x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
        xx += x.T @ x
        xy += x.T @ y
        yy += np.square(y).sum(axis=0)
    return xx, xy, yy


def _solved(products: tuple[Array, ...], penalty: float) -> Array:
    """[R + 1, H], the last row being b, which is not penalised."""
    xx, xy, _ = products
    # Where no window moves, any penalty keeps the last value.
    size = np.trace(xx[:-1, :-1]) / (len(xx) - 1) or 1.0
    ridge = np.full(len(xx), penalty * size)
    ridge[-1] = np.finfo(np.float64).eps * max(xx[-1, -1], 1.0)
    solved: Array = np.linalg.solve(xx + np.diag(ridge), xy)
    return solved


def _error(weight: Array, products: tuple[Array, ...]) -> float:
    """The squared error of a map on windows that are known by their products."""
    xx, xy, yy = products
    return float(np.sum(weight * (xx @ weight)) - 2 * np.sum(weight * xy) + yy.sum())
