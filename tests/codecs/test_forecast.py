"""A forecasting codec scales, fills and leads, and says what it cannot read."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recurra.codecs.calendar import calendar_features
from recurra.codecs.forecast import ForecastCodec, History
from recurra.codecs.forecast_fit import fit_forecast_codec
from recurra.codecs.forecast_table import SeriesCases
from recurra.errors import BundleError, DataError, ShapeError
from recurra.spec.settings import Settings

RANDOM = np.random.default_rng(0)
START = 1_704_067_200.0  # 2024-01-01, a Monday
HOURS = START + 3600.0 * np.arange(60)
VALUES = RANDOM.normal([50, 3, 0], [10, 1, 1], (60, 3))


def codec(**settings: Any) -> ForecastCodec:
    cases = SeriesCases(
        "series",
        (VALUES,),
        ("load", "wind", "holiday"),
        ("0",),
        "f.csv",
        times=(HOURS,),
        target_names=("load",),
        past_names=("wind",),
        known_names=("holiday",),
        dated=True,
    )
    chosen = {"task": "forecast", "horizon": 4, "lookback": 24, "segment": 6} | settings
    return fit_forecast_codec(cases, Settings.from_flat(chosen), "float64")


def with_future(rows: int = 4, end: int = 50) -> History:
    values = VALUES[: end + rows].copy()
    values[end:, :2] = np.nan
    return History(values, HOURS[: end + rows])


def test_what_is_known_is_read_ahead() -> None:
    own = codec(calendar=("hour",))
    track = own.track(History(VALUES, HOURS))
    shift, scale = own.scaling.of("")
    np.testing.assert_allclose(track.values[:, :2], ((VALUES - shift) / scale)[:, :2])
    np.testing.assert_allclose(track.values[:-4, 2], ((VALUES - shift) / scale)[4:, 2])
    np.testing.assert_allclose(track.values[:, 3:], calendar_features(HOURS + 4 * 3600, ("hour",)))


def test_the_newest_window_ends_before_the_future() -> None:
    own = codec()
    batch = own.newest([with_future()]).collate([0])
    assert batch.rows["time"].tolist() == [HOURS[49]]
    x = batch.steps["x"].reshape(4, 3, 6)
    shift, scale = own.scaling.of("")
    scaled = (VALUES - shift) / scale
    np.testing.assert_allclose(x[:, 0].reshape(-1), scaled[26:50, 0] - scaled[49, 0])
    covariates = batch.steps["x"][0, :, 6:].reshape(24, 2)
    np.testing.assert_allclose(covariates[:, 1], scaled[30:54, 2])


def test_a_known_covariate_without_its_future_is_refused() -> None:
    with pytest.raises(DataError, match="expected 4 rows behind the history with holiday"):
        codec().newest([with_future(3)])
    history = with_future()
    history.values[-1, 2] = np.nan
    # The last row is then no row of the future at all: it holds nothing.
    with pytest.raises(DataError, match=r"column 'holiday'.*got none at 4 of 4: add it"):
        codec().newest([history])


def test_holes_are_filled_by_what_was_observed_last() -> None:
    values = VALUES.copy()
    values[:2, 0] = np.nan
    values[10:13, 0] = np.nan
    own = codec()
    track = own.track(History(values, HOURS))
    assert (track.values[:2, 0] == 0).all()
    assert (track.values[10:13, 0] == track.values[9, 0]).all()
    assert np.isnan(track.truth[10:13]).all()


def test_absent_rows_are_holes() -> None:
    kept = np.delete(np.arange(60), [20, 21])
    own = codec()
    track = own.track(History(VALUES[kept], HOURS[kept]))
    assert len(track.values) == 60
    assert np.isnan(track.truth[20:22]).all()
    assert (track.values[20:22, 0] == track.values[19, 0]).all()


def test_windows_of_a_whole_series_reach_back_and_ahead() -> None:
    own = codec()
    cases = SeriesCases("series", (VALUES,), own.features, ("0",), "f", times=(HOURS,))
    windows = own.rolling(cases, ahead=4, reach=4, stride=5)
    assert windows.origins.tolist() == [[0, last] for last in range(23, 56, 5)]
    np.testing.assert_allclose(windows.truth([1])[0, :, 0], VALUES[29:33, 0])


def test_windows_whose_future_is_all_missing_are_left_out() -> None:
    own = codec()
    values = VALUES.copy()
    values[40:44, 0] = np.nan
    cases = SeriesCases("series", (values,), own.features, ("0",), "f", times=(HOURS,))
    last = own.rolling(cases, ahead=4, reach=4).origins[:, 1].tolist()
    assert last == [t for t in range(23, 56) if t != 39]


@pytest.mark.parametrize(
    ("history", "error", "words"),
    [
        (History(VALUES[:, :2], HOURS), ShapeError, r"F=3\], got \[60, 2\]: give the columns load"),
        (History(VALUES[:0], HOURS[:0]), ShapeError, "T >= 1"),
        (History(VALUES, HOURS[:9]), ShapeError, r"times \[T=60\], got \[9\]"),
        (History(np.where(VALUES > 60, np.inf, VALUES), HOURS), DataError, "column 'load'.*finite"),
        (
            History(VALUES, np.concatenate([HOURS[:30], HOURS[29] + 1800 * np.arange(1, 31)])),
            DataError,
            "the frequency changes",
        ),
    ],
)
def test_what_cannot_be_read_is_named(history: History, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        codec().track(history)


def test_a_calendar_needs_times() -> None:
    with pytest.raises(DataError, match=r"expected times, from which the calendar \(hour\)"):
        codec(calendar=("hour",)).track(History(VALUES))


def test_a_series_shorter_than_look_back_and_horizon_is_refused() -> None:
    own = codec()
    cases = SeriesCases("series", (VALUES[:27],), own.features, ("0",), "f", times=(HOURS[:27],))
    with pytest.raises(DataError, match=r"at least lookback \+ horizon = 28 rows, got 27"):
        own.rolling(cases, ahead=4, reach=4)


def test_histories_survive_a_golden_file() -> None:
    history = with_future()
    own = codec()
    again = own.case_from_arrays(own.case_arrays(replace(history, series="ä")))
    assert again.series == "ä"
    assert again.values.tobytes() == history.values.tobytes()
    assert again.times is not None
    assert again.times.tobytes() == HOURS[:54].tobytes()
    with pytest.raises(BundleError, match="must hold values"):
        own.case_from_arrays({"values": VALUES})
    with pytest.raises(BundleError, match="one a row"):
        own.case_from_arrays(own.case_arrays(history) | {"times": HOURS[:3]})
