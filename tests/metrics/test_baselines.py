"""The naive forecasts are what their names say; the linear map is the least-squares one."""

import numpy as np
import pytest

from recurra.codecs.windows import Cut, Track, Windows
from recurra.errors import ShapeError
from recurra.metrics.baselines import fit_linear_map, last_value, linear_inputs, seasonal_naive

PAST = np.arange(14.0).reshape(1, 7, 2)


def windows(values: np.ndarray, lookback: int, horizon: int, *, first: int = 0) -> Windows:
    ones = np.ones(values.shape[1])
    track = Track("s", values, values.copy(), 0 * ones, ones)
    origins = [(0, t) for t in range(first + lookback - 1, len(values) - horizon)]
    cut = Cut(values.shape[1], values.shape[1], lookback, horizon, segment=lookback)
    return Windows([track], np.array(origins), cut)


def test_the_last_value_is_repeated() -> None:
    assert (last_value(PAST, 3) == [[12, 13]] * 3).all()


def test_the_season_before_is_repeated() -> None:
    assert seasonal_naive(PAST, 5, 3)[0, :, 0].tolist() == [8, 10, 12, 8, 10]
    assert seasonal_naive(PAST, 2, 7)[0, :, 0].tolist() == [0, 2]
    with pytest.raises(ShapeError, match="at least a season, 8 rows, got 7"):
        seasonal_naive(PAST, 2, 8)


def test_a_linear_recurrence_is_found_exactly() -> None:
    t = np.arange(200)
    values = np.stack([np.sin(t / 5) + 3, 2 * np.cos(t / 5)], axis=1)
    own = windows(values, 12, 4)
    weight, bias = fit_linear_map(own)
    index = np.arange(len(own))
    x, shift, scale = linear_inputs(own, index)
    forecasts = (x @ weight.T + bias).reshape(len(own), 2, 4).transpose(0, 2, 1)
    forecasts = forecasts * scale[:, None] + shift[:, None]
    # The inputs are float32.
    np.testing.assert_allclose(forecasts, own.truth(index), atol=1e-3)


def test_the_map_is_the_ridge_regression_of_its_windows() -> None:
    values = np.random.default_rng(0).normal(size=(300, 1)).cumsum(axis=0)
    own = windows(values, 5, 2)
    weight, bias = fit_linear_map(own)
    x = np.stack([values[t - 4 : t + 1, 0] - values[t, 0] for t in range(4, 298)])
    y = np.stack([values[t + 1 : t + 3, 0] - values[t, 0] for t in range(4, 298)])
    design = np.concatenate([x, np.ones((294, 1))], axis=1)
    found = []
    for penalty in (1e-6, 1e-4, 1e-2, 1.0):
        ridge = np.diag([penalty * np.trace(x.T @ x) / 5] * 5 + [0.0])
        found.append(np.linalg.solve(design.T @ design + ridge, design.T @ y))
    distance = [np.abs(f[:5].T - weight).max() + np.abs(f[5] - bias).max() for f in found]
    assert min(distance) < 1e-6


@pytest.mark.parametrize("every", [40, 2, 5])
def test_holes_ahead_are_taken_as_what_stands_in_for_them(every: int) -> None:
    values = np.sin(np.arange(240) / 9)[:, None]
    whole, _ = fit_linear_map(windows(values, 8, 3))
    holed = windows(values, 8, 3)
    gone = np.arange(1, 240, every)
    holed.tracks[0].truth[gone] = np.nan
    holed.tracks[0].values[gone] = holed.tracks[0].values[gone - 1]
    found, bias = fit_linear_map(holed)
    assert np.isfinite(found).all()
    assert np.isfinite(bias).all()
    if every == 40:
        x = np.sin(np.arange(8) / 9) - np.sin(7 / 9)
        np.testing.assert_allclose(found @ x, whole @ x, atol=0.05)


def test_where_hardly_anything_is_observed_the_last_value_stays() -> None:
    own = windows(np.ones((60, 1)), 8, 3)
    own.tracks[0].truth[1:] = np.nan
    weight, bias = fit_linear_map(own)
    assert not weight.any()
    assert not bias.any()
