"""Each strategy does what its name says, and a step gives the bits of the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.codecs import SeriesCodec, Timed, cases_from_arrays, fit_codec
from recurra.codecs.missing import STRATEGIES, Missing
from recurra.errors import BundleError, DataError, ObservationError, ShapeError
from recurra.spec.node import Signal
from recurra.spec.settings import DataSettings

NAN = np.nan
STREAMING = [strategy for strategy in STRATEGIES if strategy != "linear"]
# Two features over five steps, at uneven times.
X = np.array([[NAN, 1.0], [2.0, NAN], [NAN, NAN], [4.0, 3.0], [NAN, NAN]])
TIMES = np.array([10.0, 11.0, 13.0, 16.0, 20.0])


def holes(rng: np.random.Generator, steps: int, features: int) -> np.ndarray:
    x = rng.normal(3, 2, (steps, features))
    x[rng.random(x.shape) < 0.5] = NAN
    return x


@given(
    st.sampled_from(STREAMING),
    st.sampled_from(["float32", "float64"]),
    st.booleans(),
    st.sampled_from([0.0, 0.1]),
    st.integers(1, 4),
    st.integers(0, 2**31),
)
def test_a_step_gives_the_bits_of_the_whole(
    strategy: Any, dtype: Any, timed: bool, winsorise: float, features: int, seed: int
) -> None:
    """Values, NaN, None and absent keys; with times and without."""
    rng = np.random.default_rng(seed)
    train = [rng.normal(3, 2, (9, features)), holes(rng, 12, features)]
    clocks = [np.cumsum(rng.exponential(60.0, len(x))) for x in train]
    raw = [Timed(x, t) for x, t in zip(train, clocks, strict=True)] if timed else train
    codec = SeriesCodec.fit(cases_from_arrays(raw), dtype, missing=strategy, winsorise=winsorise)
    x, times = holes(rng, 10, features), np.cumsum(rng.exponential(60.0, 10))
    whole = codec.arrays(x, times if timed else None)
    assert {name: (a.shape[1], str(a.dtype)) for name, a in whole.items()} == {
        name: (signal.size, dtype) for name, signal in codec.signals().items()
    }
    assert all(np.isfinite(array).all() for array in whole.values())
    slots = codec.start()
    shapes = {name: (slot.shape, slot.dtype) for name, slot in slots.items()}
    for t, row in enumerate(x):
        observation: Any = row
        if t % 3 == 1:
            observation = [None if np.isnan(v) else v for v in row]
        elif t % 3 == 2:
            named = zip(codec.features, row, strict=True)
            observation = {name: value for name, value in named if not np.isnan(value)}
        arrays, slots = codec.advance(observation, times[t] if timed else None, slots)
        assert {n: (s.shape, s.dtype) for n, s in slots.items()} == shapes
        assert {n: a.tobytes() for n, a in arrays.items()} == {
            n: a[t].tobytes() for n, a in whole.items()
        }


def arrays(strategy: Any, times: Any = TIMES, unit: float = 2.0) -> dict[str, list[Any]]:
    found = Missing(strategy, times is not None, unit).encode(X, times)
    return {name: array.tolist() for name, array in found.items()}


def test_the_mean_is_zero() -> None:
    assert arrays("mean") == {"x": [[0, 1], [2, 0], [0, 0], [4, 3], [0, 0]]}


def test_the_last_value_is_carried_and_before_it_there_is_the_mean() -> None:
    assert arrays("last") == {"x": [[0, 1], [2, 1], [2, 1], [4, 3], [4, 3]]}


def test_a_line_runs_between_two_values_in_time() -> None:
    # 2 at 11, 4 at 16: 2.8 at 13. 1 at 10, 3 at 16: 4/3 at 11, 2 at 13.
    line = Missing("linear", timed=True).encode(X, TIMES)["x"]
    wanted = [[2, 1], [2, 1 + 2 / 6], [2.8, 2], [4, 3], [4, 3]]
    np.testing.assert_allclose(line, wanted, rtol=1e-12)
    # Without times a step is a unit of time.
    line = Missing("linear").encode(X, None)["x"]
    np.testing.assert_allclose(line[:, 0], [2, 2, 3, 4, 4], rtol=1e-12)
    empty = Missing("linear").encode(np.full((2, 1), NAN), None)["x"]
    assert empty.tolist() == [[0.0], [0.0]]


def test_mask_adds_the_flag_and_the_time_since() -> None:
    values, flags, since = np.split(np.array(arrays("mask")["x"]), 3, axis=1)
    assert values.tolist() == arrays("last")["x"]
    assert flags.tolist() == (~np.isnan(X)).astype(float).tolist()
    # Che et al. 2018, eq. 3, in units of 2: a feature that was not seen yet counts from the start.
    assert since.tolist() == [[0, 0], [0.5, 0.5], [1.0, 1.5], [2.5, 3.0], [2.0, 2.0]]


def test_decay_gives_what_a_grud_reads() -> None:
    found = arrays("decay")
    assert found["x"] == arrays("mean")["x"]
    assert found["observed"] == (~np.isnan(X)).astype(float).tolist()
    assert found["elapsed"] == [[0], [0.5], [1.0], [1.5], [2.0]]
    assert arrays("decay", times=None, unit=1.0)["elapsed"] == [[0], [1], [1], [1], [1]]


def test_the_unit_is_the_mean_time_since() -> None:
    fitted = Missing.fit("decay", (X,), (TIMES,))
    since = [0, 0, 1, 1, 2, 3, 5, 6, 4, 4]
    assert fitted == Missing("decay", True, sum(since) / len(since))
    assert Missing.fit("mask", (X[:1],), None) == Missing("mask", False, 1.0)
    assert Missing.fit("last", (X,), (TIMES,)) == Missing("last")


def test_signals_are_as_wide_as_what_comes_out() -> None:
    values = Signal("steps", 4)
    assert Missing("last").signals(4) == {"x": values}
    assert Missing("mask").signals(4) == {"x": Signal("steps", 12)}
    assert Missing("decay").signals(4) == {
        "x": values,
        "observed": values,
        "elapsed": Signal("steps", 1),
    }


def test_a_line_has_no_stream_and_says_why() -> None:
    missing = Missing("linear")
    assert "has not seen yet" in str(missing.why_not_streaming())
    with pytest.raises(ObservationError, match="missing='linear' draws a line to the next value"):
        missing.step(X[0], None, missing.start(2, "float64"))
    assert all(Missing(strategy).why_not_streaming() is None for strategy in STREAMING)


def test_a_codec_that_was_fitted_with_times_needs_them() -> None:
    missing = Missing("decay", timed=True)
    with pytest.raises(DataError, match="expected the times of the steps, which missing='decay'"):
        missing.encode(X, None)
    with pytest.raises(ShapeError, match=r"times \[T=5\], got \[4\]"):
        missing.encode(X, TIMES[1:])
    slots = missing.start(2, "float64")
    with pytest.raises(ObservationError, match="expected the time of the observation"):
        missing.step(X[0], None, slots)
    _, slots = missing.step(X[0], 5.0, slots)
    with pytest.raises(ObservationError, match=r"at least 5\.0, got 4\.0"):
        missing.step(X[0], 4.0, slots)
    # A line may do without: a step is then a unit of time.
    assert not Missing("linear", timed=True).needs_times


def test_auto_takes_the_last_value_where_any_is_missing() -> None:
    full, gaps = np.nan_to_num(X), X[:4]
    assert SeriesCodec.fit(cases_from_arrays([full])).missing is None
    assert SeriesCodec.fit(cases_from_arrays([gaps])).missing == Missing("last")
    named = SeriesCodec.fit(cases_from_arrays([full]), missing="mean")
    assert named.missing == Missing("mean")
    # Asked for by name, missing values are taken although training had none.
    assert named.arrays(np.array([[NAN, 1.0]]))["x"][0, 0] == 0.0


def test_means_and_spreads_are_those_of_what_was_observed() -> None:
    codec = SeriesCodec.fit(cases_from_arrays([X]), "float64", missing="mean")
    assert codec.mean == (3.0, 2.0)
    assert codec.scale == (1.0, 1.0)


def test_a_constant_is_refused_unless_its_flag_tells_something() -> None:
    x = np.array([[1.0, NAN], [2.0, 7.0], [3.0, 7.0]])
    with pytest.raises(DataError, match="column 'x1': expected values that vary, got 7 in all 2"):
        SeriesCodec.fit(cases_from_arrays([x]), missing="last")
    codec = SeriesCodec.fit(cases_from_arrays([x]), missing="decay")
    assert (codec.mean[1], codec.scale[1]) == (7.0, 1.0)
    nothing = np.array([[1.0, NAN], [2.0, NAN]])
    with pytest.raises(DataError, match="column 'x1': expected values, got none in all 2 rows"):
        SeriesCodec.fit(cases_from_arrays([nothing]), missing="decay")


def test_outliers_are_cut_to_the_value_at_the_share() -> None:
    x = np.arange(101.0)[:, None]
    x[100] = 1e9
    codec = SeriesCodec.fit(cases_from_arrays([x]), "float64", winsorise=0.05)
    assert codec.bounds == ((5.0,), (95.0,))
    ends = codec.encode(np.array([[-1e5], [5.0], [95.0], [1e8]]))
    assert ends[0] == ends[1]
    assert ends[2] == ends[3]
    assert np.allclose(codec.encode(x).std(), 1.0)
    # A feature whose ends are one value keeps them all.
    rare = np.zeros((1000, 1))
    rare[0] = 1.0
    assert SeriesCodec.fit(cases_from_arrays([rare]), winsorise=0.01).bounds == ((0.0,), (1.0,))


def test_texts_have_no_missing_values() -> None:
    cases = cases_from_arrays(["ab", "cd"], ["u", "v"])
    with pytest.raises(DataError, match="missing belongs to series"):
        fit_codec(cases, DataSettings(missing="last"), "classify")


@pytest.mark.parametrize(
    "change",
    [
        {"strategy": "magic"},
        {"strategy": None},
        {"timed": 1},
        {"unit": 0.0},
        {"unit": float("nan")},
        {"unit": "1"},
        {"more": 1},
    ],
)
def test_json_gives_it_back_or_is_refused(change: dict[str, Any]) -> None:
    missing = Missing("mask", True, 3600.0)
    assert Missing.from_json(missing.to_json()) == missing
    with pytest.raises(BundleError, match="codec: missing"):
        Missing.from_json(missing.to_json() | change)


@pytest.mark.parametrize("bounds", [None, [[0.0, 0.0]], [[0.0], [1.0]], [[2.0, 0.0], [1.0, 1.0]]])
def test_bounds_that_are_none_are_refused(bounds: Any) -> None:
    x = np.random.default_rng(0).normal(size=(50, 2))
    codec = SeriesCodec.fit(cases_from_arrays([x]), winsorise=0.1, missing="mask")
    assert SeriesCodec.from_json(codec.to_json()) == codec
    with pytest.raises(BundleError, match="bounds"):
        SeriesCodec.from_json(codec.to_json() | {"bounds": bounds})


def test_a_bundle_from_before_still_refuses_missing_values() -> None:
    tree = {"kind": "series", "features": ["a"], "mean": [0.0], "scale": [1.0], "dtype": "float32"}
    codec = SeriesCodec.from_json(tree)
    assert codec.to_json() == tree
    assert codec.start() == {}
    with pytest.raises(ObservationError, match=r"got nan.*train with missing='last'"):
        codec.advance([NAN], None, {})
    with pytest.raises(ObservationError, match="lacks 'a'"):
        codec.advance({}, None, {})
