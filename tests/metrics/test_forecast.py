"""Errors are those of their definitions over what was observed, and nothing else counts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recurra.errors import ShapeError
from recurra.metrics.forecast import (
    coverage,
    forecast_mae,
    forecast_mse,
    mase,
    pinball,
    smape,
)

TRUTH = np.array([[[1.0, 10.0], [2.0, np.nan]], [[4.0, -10.0], [0.0, 20.0]]])
FORECASTS = np.array([[[2.0, 12.0], [2.0, 99.0]], [[1.0, -10.0], [0.0, 10.0]]])


def test_the_errors_of_a_small_case_by_hand() -> None:
    # Errors 1, 2, 0, -3, 0, 0, -10.
    assert forecast_mse(FORECASTS, TRUTH) == pytest.approx((1 + 4 + 9 + 100) / 7)
    assert forecast_mae(FORECASTS, TRUTH) == pytest.approx(16 / 7)
    sizes = [2 * 1 / 3, 2 * 2 / 22, 0, 2 * 3 / 5, 0, 0, 2 * 10 / 30]
    assert smape(FORECASTS, TRUTH) == pytest.approx(np.mean(sizes))
    naive = np.array([[1.0, 2.0], [3.0, 5.0]])
    assert mase(FORECASTS, TRUTH, naive) == pytest.approx((1 + 1 + 0 + 1 + 0 + 0 + 2) / 7)


def test_the_seasonal_naive_forecast_has_a_mase_of_one_in_sample() -> None:
    y = np.random.default_rng(0).normal(size=(400, 1))
    q = np.abs(y[7:] - y[:-7]).mean(axis=0)
    assert mase(y[:-7][:, None], y[7:][:, None], np.tile(q, (393, 1))) == pytest.approx(1)


def test_pinball_is_least_at_the_quantile() -> None:
    y = np.random.default_rng(0).normal(size=(4000, 1, 1))
    losses = [pinball(np.full((4000, 1, 1, 1), q), y, (0.9,)) for q in (0.8, 1.2816, 1.8)]
    assert losses[1] == min(losses)
    half = pinball(np.zeros((4000, 1, 1, 1)), y, (0.5,))
    assert half == pytest.approx(np.abs(y).mean() / 2)


def test_coverage_counts_what_lies_within() -> None:
    low, high = np.full(TRUTH.shape, 0.0), np.full(TRUTH.shape, 10.0)
    assert coverage(low, high, TRUTH) == pytest.approx(5 / 7)


@pytest.mark.parametrize(
    "call",
    [
        lambda: forecast_mse(FORECASTS[:1], TRUTH),
        lambda: forecast_mae(FORECASTS[0], TRUTH[0]),
        lambda: forecast_mae(FORECASTS, np.full(TRUTH.shape, np.nan)),
        lambda: pinball(np.zeros((2, 2, 2, 3)), TRUTH, (0.5,)),
        lambda: coverage(FORECASTS, FORECASTS, np.full(TRUTH.shape, np.nan)),
    ],
)
def test_what_does_not_fit_is_refused(call: Callable[[], Any]) -> None:
    with pytest.raises(ShapeError, match="expected"):
        call()
