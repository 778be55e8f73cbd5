"""The period of a series is found, and who tells its future; a walk has none."""

import numpy as np

from recurra.codecs.windows import Cut, Track, Windows
from recurra.train.doctor.series import lag_of, series_of

RANDOM = np.random.default_rng(2)


def windows(values, targets=1, horizon=6):
    track = Track("a", values, values[:, :targets], np.zeros(targets), np.ones(targets), None)
    cut = Cut(targets=targets, width=values.shape[1], lookback=12, horizon=horizon)
    origins = np.stack([np.zeros(50, np.int64), np.arange(50) + 12], axis=1)
    return Windows([track], origins, cut)


def test_a_period_is_the_lag_of_the_first_high_peak():
    clock = np.arange(600)
    wave = np.sin(2 * np.pi * clock / 24) + RANDOM.normal(0, 0.2, 600) + 0.01 * clock
    lag, similarity = lag_of(wave)
    assert lag == 24
    assert similarity > 0.8


def test_noise_has_no_period_of_weight_and_a_constant_none():
    found = lag_of(RANDOM.normal(size=600))
    assert found is None or found[1] < 0.3
    assert lag_of(np.zeros(100)) is None


def test_a_covariate_that_is_the_future_is_found_with_its_distance():
    y = RANDOM.normal(size=400)
    ahead = np.roll(y, -4)
    found = series_of(windows(np.stack([y, RANDOM.normal(size=400), ahead], axis=1)))
    assert (found["leak"]["column"], found["leak"]["ahead"]) == (1, 4)
    assert found["leak"]["explained"] > 0.95
    assert found["moving"] == 1.0
    assert "leak" not in series_of(windows(y[:, None]))


def test_rows_that_stand_still_are_counted():
    still = np.repeat(RANDOM.normal(size=20), 20)[:, None]
    assert series_of(windows(still))["moving"] < 0.1
