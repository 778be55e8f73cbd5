"""Law: a hole is filled as its strategy says, row by row as at once, and never from a later row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.codecs.forecast import History
from recurra.codecs.forecast_fit import fit_forecast_codec
from recurra.codecs.forecast_holes import Holes, carried_on
from recurra.codecs.forecast_table import SeriesCases
from recurra.codecs.from_json import codec_from_json
from recurra.errors import BundleError, SettingsError
from recurra.spec.settings import Settings

NAN = np.nan
X = np.array([[NAN, 1.0], [2.0, NAN], [NAN, NAN], [NAN, 7.0], [8.0, NAN], [NAN, NAN]])
FIGURES = [(np.zeros(2), np.ones(2))] * 2


def test_every_strategy_by_hand() -> None:
    last = Holes.fit("last", [X], FIGURES).filled(X, 0)
    np.testing.assert_array_equal(last.values, carried_on(X))
    np.testing.assert_array_equal(last.values[:, 0], [0, 2, 2, 2, 8, 8])
    mean = Holes.fit("mean", [X], FIGURES).filled(X, 0)
    np.testing.assert_array_equal(mean.values[:, 0], [5, 2, 5, 5, 8, 5])
    np.testing.assert_array_equal(mean.carried, last.values)
    line = Holes.fit("linear", [X], FIGURES).filled(X, 0)
    np.testing.assert_array_equal(line.values[:, 0], [2, 2, 4, 6, 8, 8])
    np.testing.assert_array_equal(line.values[:, 1], [1, 3, 5, 7, 7, 7])
    assert line.known_from is not None
    np.testing.assert_array_equal(line.known_from[:, 0], [1, 1, 4, 4, 4, 0])
    mask = Holes.fit("mask", [X], FIGURES)
    observed, since = mask.columns(~np.isnan(X[:, :1]), 1)[-2:]
    np.testing.assert_array_equal(observed[:, 0], [0, 1, 0, 0, 1, 0])
    np.testing.assert_allclose(since[:, 0] * mask.unit, [0, 1, 1, 2, 3, 1])


def test_means_are_those_of_each_series_in_its_scale() -> None:
    other = np.array([[10.0, 1.0], [14.0, 1.0]])
    figures = [
        (np.zeros(2), np.ones(2)),
        (np.full(2, 10.0), np.full(2, 2.0)),
        (np.zeros(2), np.ones(2)),
    ]
    holes = Holes.fit("mean", [X, other], figures)
    assert holes.means == ((5.0, 4.0), (1.0, -4.5), (8.5, 2.5))


def series(seed: int = 0, rows: int = 60) -> SeriesCases:
    random = np.random.default_rng(seed)
    x = random.normal([50, 3, 0, 1], [10, 1, 1, 2], (rows, 4))
    x[:, :3][random.random((rows, 3)) < 0.4] = np.nan
    # A row of which the known covariate alone is there would be one that comes.
    x[np.isnan(x[:, :3]).all(1), 2] = 0.5
    return SeriesCases(
        "series",
        (x,),
        ("a", "b", "p", "k"),
        ("0",),
        "f",
        target_names=("a", "b"),
        past_names=("p",),
        known_names=("k",),
    )


def codec(cases: SeriesCases, **changes: Any) -> Any:
    plain = {"task": "forecast", "horizon": 4, "lookback": 12, "segment": 3, "season": 6}
    return fit_forecast_codec(cases, Settings.from_flat(plain | changes))


@pytest.mark.parametrize("missing", ["last", "mean", "linear", "mask"])
@pytest.mark.parametrize("channels", ["joint", "separate"])
@pytest.mark.parametrize("normalise", ["none", "last", "window"])
def test_no_window_reads_a_later_row(missing: str, channels: str, normalise: str) -> None:
    """What comes after its end can be anything."""
    cases = series()
    own = codec(cases, missing=missing, channels=channels, normalise=normalise)
    whole = own.rolling(cases, ahead=4, reach=4)
    for origin in (12, 29, 41):
        changed = cases.inputs[0].copy()
        # The known covariate is read a horizon ahead.
        changed[origin + 1 :, :3] = 1e3
        after = cases.__class__(**{**vars(cases), "inputs": (changed,)})
        k = int(np.flatnonzero(whole.origins[:, 1] == origin)[0])
        other = own.rolling(after, ahead=4, reach=4)
        j = int(np.flatnonzero(other.origins[:, 1] == origin)[0])
        one, two = whole.collate([k]), other.collate([j])
        assert one.steps["x"].tobytes() == two.steps["x"].tobytes()
        assert one.steps["x"].shape[2] == own.cut.step_width
        assert np.isfinite(one.steps["x"]).all()


@pytest.mark.parametrize("missing", ["last", "mean", "mask"])
def test_a_stream_reads_what_a_history_does(missing: str) -> None:
    cases = series(1)
    own = codec(cases, missing=missing)
    slots = own.start()
    x = cases.inputs[0]
    for row in range(30):
        window, slots = own.step([*x[row, :3], x[row + 4, 3]], None, slots)
        history = x[: row + 5].copy()
        history[row + 1 :, :3] = np.nan
        whole = own.newest([History(history)])
        assert window.collate([0]).steps["x"].tobytes() == whole.collate([0]).steps["x"].tobytes()


def test_separate_channels_read_their_own_marks_only() -> None:
    """x of target b changes nowhere when target a's holes move."""
    cases = series(2)
    own = codec(cases, missing="mask", channels="separate")
    moved = cases.inputs[0].copy()
    moved[::5, 0] = np.nan
    other = cases.__class__(**{**vars(cases), "inputs": (moved,)})
    one, two = (own.rolling(c, ahead=0, reach=4).collate([20]).steps["x"] for c in (cases, other))
    assert one[1].tobytes() == two[1].tobytes()
    assert one[0].tobytes() != two[0].tobytes()


def test_choices_survive_json_and_forged_ones_are_refused() -> None:
    for missing in ("last", "mean", "linear", "mask"):
        own = codec(series(), missing=missing)
        assert codec_from_json(own.to_json()) == own
    tree = codec(series(), missing="mean").to_json()
    older = {name: value for name, value in tree.items() if name != "missing"}
    assert codec_from_json(older).missing == Holes()
    said = tree["missing"]
    for wrong in ({"strategy": "guess"}, {"means": []}, {"unit": 0.0}, {"means": [[1.0]] * 2}):
        with pytest.raises(BundleError):
            codec_from_json({**tree, "missing": {**said, **wrong}})
    for forged in ({"carried": True}, {"recursive": True}):
        form = "linear" if "carried" in forged else "mask"
        plain = codec(series(), missing=form, segment=1, normalise="none").to_json()
        with pytest.raises(BundleError):
            codec_from_json({**plain, **forged})


def test_what_has_no_meaning_is_refused_with_the_reason() -> None:
    with pytest.raises(SettingsError, match="stand on a regular beat"):
        codec(series(), missing="decay")
    cases = series()
    targets = SeriesCases(
        "series", (cases.inputs[0][:, :2],), ("a", "b"), ("0",), "f", target_names=("a", "b")
    )
    with pytest.raises(SettingsError, match="forecasts that are read again"):
        codec(targets, missing="mask", decoding="recursive")
    assert "has not seen when the row comes" in str(
        codec(series(), missing="linear").missing.why_not_streaming()
    )
    assert not codec(series(), missing="linear", segment=1, normalise="none").carried
