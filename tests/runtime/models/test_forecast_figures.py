"""Figures are those of the forecasts by hand, also of several series, each in its own unit."""

import numpy as np
import pytest

from recurra.runtime.models.forecast_figures import (
    BASELINE,
    NAIVE,
    forecast_figures,
    naive_forecasts,
)
from runtime.models.test_forecast import VALUES, cases, model


def test_naive_forecasts_by_hand() -> None:
    own = model()
    windows = own.encoded(cases())
    found = naive_forecasts(own.codec, own.networks[BASELINE], windows)
    assert tuple(found) == NAIVE
    weight = own.parts.weights[f"{BASELINE}.weight"].astype(np.float64)
    bias = own.parts.weights[f"{BASELINE}.bias"].astype(np.float64)
    for k in (0, 40):
        last = int(windows.origins[k, 1])
        history = VALUES[last - 11 : last + 1, :2]
        assert (found["last_value"][k] == history[-1]).all()
        np.testing.assert_allclose(found["seasonal_naive"][k], history[-6:-2])
        scale = np.array(own.codec.scaling.of("")[1][:2])
        moved = (history - history[-1]) / scale
        linear = (weight @ moved + bias[:, None]) * scale + history[-1]
        np.testing.assert_allclose(found["linear"][k], linear, rtol=1e-4)


def test_mase_is_in_the_unit_of_each_series() -> None:
    own = model()
    windows = own.encoded(cases())
    truth = windows.truth(range(len(windows)))
    q = np.array(own.codec.naive_error[0])
    values = (truth + 2 * q)[..., None]
    figures = forecast_figures(own.codec, (), own.networks[BASELINE], values, windows)
    assert figures["mase"] == pytest.approx(2)
    assert figures["mae"] == pytest.approx(np.mean(2 * q))
    assert "coverage" not in figures
