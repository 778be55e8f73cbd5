"""The forecaster learns from histories, forecasts without the future, and survives its bundle."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recurra import SequenceForecaster
from recurra.codecs import Timed
from recurra.errors import DataError, SettingsError, ShapeError
from recurra.runtime import load

T = np.arange(260)
X = np.sin(T * 2 * np.pi / 12) * 3 + 0.02 * T + 10
SMALL: dict[str, Any] = {
    "horizon": 6,
    "season": 12,
    "hidden": 12,
    "epochs": 6,
    "batch_size": 16,
    "learning_rate": 1e-2,
    "threads": 1,
}


def test_a_season_is_learnt_and_the_last_value_is_beaten() -> None:
    forecaster = SequenceForecaster(**SMALL | {"epochs": 12}).fit(X[:200])
    figures = forecaster.backtest(X[160:], stride=2)
    assert figures["mae"] < 0.5 * figures["last_value_mae"]
    assert forecaster.score(X[160:]) == -forecaster.backtest(X[160:])["mase"]
    forecast = forecaster.predict(X[:200])
    assert forecast.shape == (6, 1)
    assert (forecaster.predict(X[:200], 2) == forecast[:2]).all()
    assert forecaster.history_[-1]["loss"] < forecaster.history_[0]["loss"]


def test_what_was_saved_forecasts_the_same(tmp_path: Path) -> None:
    both = np.stack([X, 2 * X], axis=1)
    forecaster = SequenceForecaster(**SMALL, distribution="quantiles").fit([both[:150], both])
    forecaster.save(tmp_path / "b")
    again = SequenceForecaster.load(tmp_path / "b")
    expected = forecaster.predict([both, both[:70]])
    assert [forecast.shape for forecast in expected] == [(6, 2), (6, 2)]
    for ours, theirs in zip(again.predict([both, both[:70]]), expected, strict=True):
        assert ours.tobytes() == theirs.tobytes()
    assert load(tmp_path / "b")(both).values.shape == (6, 2, 4)
    session = again.stream()
    answers = [session.feed(row) for row in both]
    assert answers[-1].values.tobytes() == again.forecast(both)[0].values.tobytes()


def test_a_table_with_known_covariates() -> None:
    days = [f"2024-{1 + k // 28:02d}-{1 + k % 28:02d}" for k in range(100)]
    table = pl.DataFrame(
        {
            "day": [str(np.datetime64("2024-01-01") + k) for k in range(len(days))],
            "sales": [*X[:94].tolist(), *[None] * 6],
            "offer": (T[:100] % 5 == 0).astype(float),
        }
    )
    forecaster = SequenceForecaster(
        **SMALL | {"epochs": 1}, time="day", target="sales", known=("offer",), calendar=("weekday",)
    )
    forecaster.fit(table[:94])
    (forecast,) = forecaster.forecast(table)
    assert forecast.time == np.datetime64("2024-04-03").astype("datetime64[s]").astype(float)
    assert forecaster.predict(table).shape == (6, 1)


def test_dates_of_arrays_give_the_season() -> None:
    days = np.datetime64("2020-01-01") + np.arange(260)
    small = {name: value for name, value in SMALL.items() if name != "season"}
    forecaster = SequenceForecaster(**small | {"epochs": 1}).fit(Timed(X, days))
    assert forecaster.model_.codec.season == 7


def test_missing_values_are_told_and_carried() -> None:
    holed = X.copy()
    holed[50:58] = np.nan
    with pytest.warns(UserWarning, match=r"missing values: x0 3\.1%; the last value is carried"):
        forecaster = SequenceForecaster(**SMALL | {"epochs": 1}).fit(holed)
    assert np.isfinite(forecaster.predict(holed[:56])).all()


@pytest.mark.parametrize("decoding", ["direct", "recursive"])
def test_intervals_of_a_chosen_coverage(decoding: str, tmp_path: Path) -> None:
    noisy = X + np.random.default_rng(0).normal(0, 0.5, 260)
    chosen = SMALL | {"coverage": 0.8, "decoding": decoding, "epochs": 3}
    forecaster = SequenceForecaster(**chosen, valid_fraction=0.3).fit(noisy)
    figures = forecaster.backtest(noisy[150:])
    assert figures["interval"] == pytest.approx(0.8)
    # Measured on the rows that the margins were taken from, where it must hold.
    assert figures["coverage"] >= 0.78
    answer = forecaster.forecast(noisy)[0].values
    assert (answer[..., 1] < answer[..., 0]).all()
    assert (answer[..., 0] < answer[..., 2]).all()
    forecaster.save(tmp_path / "b")
    again = SequenceForecaster.load(tmp_path / "b")
    assert again.forecast(noisy)[0].values.tobytes() == answer.tobytes()
    session = again.stream()
    for row in noisy:
        streamed = session.feed(row)
    assert streamed.values.tobytes() == answer.tobytes()


def test_it_goes_on_learning_where_the_regime_changes() -> None:
    forecaster = SequenceForecaster(**SMALL | {"epochs": 8}).fit(X[:150])
    changed = 10 + 4 * np.sign(np.sin(T * 2 * np.pi / 12))
    before = forecaster.backtest(changed[150:])["mse"]
    forecaster.partial_fit(changed[:200])
    assert not forecaster.kept_
    assert forecaster.backtest(changed[150:])["mse"] < before
    assert forecaster.partial_fit(np.full(60, 5.0) + 0.01 * T[:60] % 3).predict(X).shape == (6, 1)


@pytest.mark.parametrize("stride", [0, -1])
def test_a_stride_that_stands_still_is_refused(stride: int) -> None:
    series = np.arange(60.0)
    forecaster = SequenceForecaster(horizon=2, lookback=6, hidden=4, epochs=1, threads=1)
    with pytest.raises(SettingsError, match="stride expected at least 1"):
        forecaster.fit(series).backtest(series, stride=stride)


def test_more_rows_than_were_learnt_are_refused() -> None:
    forecaster = SequenceForecaster(**SMALL | {"epochs": 1}).fit(X)
    with pytest.raises(SettingsError, match="horizon expected 1 to 6"):
        forecaster.predict(X, 7)
    with pytest.raises(ShapeError, match=r"expected \[T, A=1\], got \[260, 2\]"):
        forecaster.predict(np.stack([X, X], axis=1))


def test_a_history_that_holds_nothing_is_refused() -> None:
    forecaster = SequenceForecaster(**SMALL | {"epochs": 1}).fit(X)
    with pytest.raises(
        DataError, match="expected a history of every target, got none in all 40 rows"
    ):
        forecaster.predict(np.full(40, np.nan))
    some = np.full(40, np.nan)
    some[3] = 10.0
    assert np.isfinite(forecaster.predict(some)).all()


def test_levels_come_in_any_order_but_within_0_and_1() -> None:
    plain = SMALL | {"epochs": 1, "distribution": "quantiles"}
    own = SequenceForecaster(**plain, levels=(0.9, 0.1, 0.9)).fit(X)
    assert own.model_.decoder.levels == (0.1, 0.5, 0.9)
    with pytest.raises(SettingsError, match=r"levels must lie within 0 and 1, got 1\.1"):
        SequenceForecaster(**plain, levels=(0.5, 1.1)).fit(X)
