"""What is left open follows from the clock; settings that contradict one another are refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recurra.codecs.arrays import cases_from_arrays
from recurra.codecs.forecast_fit import fit_forecast_codec, window_lengths
from recurra.codecs.forecast_table import SeriesCases
from recurra.errors import DataError, SettingsError
from recurra.spec.settings import Settings

VALUES = np.random.default_rng(0).normal(5, 2, (100, 2))
CASES = SeriesCases(
    "series",
    (VALUES,),
    ("y", "x"),
    ("0",),
    "f.csv",
    times=(3600.0 * np.arange(100),),
    target_names=("y",),
    past_names=("x",),
    dated=True,
)


def chosen(**settings: Any) -> Settings:
    return Settings.from_flat({"task": "forecast", "horizon": 6} | settings)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (48, 24, 24)),
        ({"horizon": 60}, (120, 24, 24)),
        ({"season": 5}, (15, 5, 5)),
        ({"lookback": 36}, (36, 1, 24)),
        ({"lookback": 72}, (72, 24, 24)),
        ({"lookback": 72, "segment": 12}, (72, 12, 24)),
        ({"segment": 1}, (48, 1, 24)),
        ({"lookback": 12}, (12, 1, 1)),
    ],
)
def test_lengths_follow_from_the_clock(settings: dict[str, Any], expected: tuple[int, ...]) -> None:
    assert window_lengths(CASES, chosen(**settings)) == expected


@pytest.mark.parametrize(
    "settings", [{"lookback": 50, "segment": 24}, {"lookback": 10, "season": 24}]
)
def test_a_look_back_that_does_not_fit_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="must be a multiple of segment"):
        window_lengths(CASES, chosen(**settings))


def test_without_dates_there_is_no_season() -> None:
    assert window_lengths(replace(CASES, dated=False), chosen())[2] == 1
    assert window_lengths(replace(CASES, times=None), chosen())[2] == 1


def test_the_naive_error_is_that_of_the_season_before() -> None:
    codec = fit_forecast_codec(CASES, chosen(season=5))
    expected = np.abs(VALUES[5:, 0] - VALUES[:-5, 0]).mean()
    np.testing.assert_allclose(codec.naive_error, [[expected], [expected]])
    # What repeats itself exactly has no error of its own; an error then keeps its unit.
    same = replace(CASES, inputs=(np.tile([[1.0, 2.0], [3.0, 4.0]], (50, 1)),))
    assert fit_forecast_codec(same, chosen(season=2)).naive_error == ((1.0,), (1.0,))


@pytest.mark.parametrize(
    ("column", "reason"), [(0, "nothing to forecast"), (1, "it tells nothing")]
)
def test_columns_that_never_vary_are_refused(column: int, reason: str) -> None:
    flat = np.array(CASES.inputs[0], np.float64)
    flat[:, column] = 7.0
    with pytest.raises(DataError, match=rf"got 7 in all 100 rows of the training part: .*{reason}"):
        fit_forecast_codec(replace(CASES, inputs=(flat,)), chosen())
    flat[::3, 1] = np.nan
    flat[:, 0] = VALUES[:, 0]
    # Whether it was observed may tell something, and the mask says it.
    if column == 1:
        assert fit_forecast_codec(replace(CASES, inputs=(flat,)), chosen(missing="mask"))


def test_a_frequency_that_changes_within_the_training_part_is_refused() -> None:
    assert CASES.times is not None
    step = CASES.times[0][1] - CASES.times[0][0]
    slower = CASES.times[0][0] + step * np.r_[np.arange(50), 50 + 2 * np.arange(50)]
    with pytest.raises(DataError, match="the frequency changes"):
        fit_forecast_codec(replace(CASES, times=(slower,)), chosen())


def test_a_state_is_carried_only_where_each_row_is_read_once_as_it_is() -> None:
    plain = {"segment": 1, "normalise": "none"}
    assert fit_forecast_codec(CASES, chosen(**plain)).carried
    for more in ({"normalise": "last"}, {"segment": 2}, {"bidirectional": True}):
        assert not fit_forecast_codec(CASES, chosen(**(plain | more))).carried


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"decoding": "recursive"}, SettingsError, "nothing forecasts the covariate 'x'"),
        ({"missing": "decay"}, SettingsError, "stand on a regular beat"),
    ],
)
def test_what_contradicts_is_refused(settings: dict[str, Any], error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        fit_forecast_codec(CASES, chosen(**settings))


def test_forecasts_that_are_read_again_are_points() -> None:
    alone = replace(CASES, inputs=(VALUES[:, :1],), features=("y",), past_names=())
    assert fit_forecast_codec(alone, chosen(decoding="recursive")).recursive
    with pytest.raises(SettingsError, match="must be points, got distribution='gaussian'"):
        fit_forecast_codec(alone, chosen(decoding="recursive", distribution="gaussian"))


def test_a_calendar_needs_dates() -> None:
    with pytest.raises(DataError, match="times that are no dates"):
        fit_forecast_codec(replace(CASES, dated=False), chosen(calendar=("hour",)))
    with pytest.raises(DataError, match="no time column"):
        fit_forecast_codec(replace(CASES, times=None), chosen(calendar=("hour",)))


def test_all_channels_of_plain_series_are_targets() -> None:
    codec = fit_forecast_codec(cases_from_arrays([VALUES]), chosen())
    assert codec.targets == ("x0", "x1")
    with pytest.raises(DataError, match="expected series to forecast, got text"):
        fit_forecast_codec(cases_from_arrays(["a b"]), chosen(lookback=2))
