"""Scaling is elementwise: a step is the whole to the bit, and only training figures enter."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.codecs import SeriesCodec, cases_from_arrays
from recurra.errors import BundleError, DataError, ObservationError, ShapeError
from recurra.spec.node import Signal

finite = st.floats(-1e6, 1e6)


def fitted(dtype: Any = "float32") -> SeriesCodec:
    random = np.random.default_rng(0)
    x = [random.normal(3, 2, (length, 3)) for length in (4, 9, 1)]
    return SeriesCodec.fit(cases_from_arrays(x), dtype)


@given(
    st.lists(st.tuples(finite, finite, finite), min_size=1, max_size=20),
    st.sampled_from(["float32", "float64"]),
)
def test_step_equals_whole_to_the_bit(rows: list[tuple[float, ...]], dtype: Any) -> None:
    codec = fitted(dtype)
    whole = codec.encode(np.array(rows))
    assert whole.dtype == dtype
    for row, expected in zip(rows, whole, strict=True):
        assert codec.step(row).tobytes() == expected.tobytes()
        named = dict(zip(codec.features, row, strict=True))
        assert codec.step(named).tobytes() == expected.tobytes()


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    st.floats(),
    st.sampled_from(["float32", "float64"]),
)
def test_any_value_is_encoded_finite_or_refused_by_both(
    mean: float, scale: float, value: float, dtype: Any
) -> None:
    codec = SeriesCodec(("a",), (mean,), (scale,), dtype)
    try:
        whole = codec.encode(np.array([[value]]))
    except DataError:
        with pytest.raises(ObservationError):
            codec.step([value])
        return
    assert np.isfinite(whole).all()
    assert codec.step([value]).tobytes() == whole.tobytes()


@given(st.integers(0, 2**32 - 1))
def test_the_training_part_gets_mean_zero_and_spread_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    scale = 10.0 ** random.uniform(-3, 3)
    x = [random.normal(5, scale, (int(length), 2)) for length in random.integers(2, 9, 4)]
    codec = SeriesCodec.fit(cases_from_arrays(x), "float64")
    steps = np.concatenate([codec.encode(case) for case in x])
    assert np.allclose(steps.mean(axis=0), 0, atol=1e-9 * (1 + 5 / scale))
    assert np.allclose(steps.std(axis=0), 1)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2))
def test_json_gives_the_same_codec_back(mean: list[float]) -> None:
    codec = SeriesCodec(("a", "ü"), (mean[0], mean[1]), (1e-300, 7.1), "float64")
    assert SeriesCodec.from_json(json.loads(json.dumps(codec.to_json()))) == codec


def test_the_signal_is_as_wide_as_the_features() -> None:
    assert fitted().signal() == Signal("steps", 3)


def test_one_channel_takes_a_bare_number() -> None:
    codec = SeriesCodec(("a",), (1.0,), (2.0,))
    assert codec.step(5).tolist() == codec.step([5.0]).tolist() == [2.0]


@pytest.mark.parametrize(
    ("observation", "words"),
    [
        ([1, 2], r"expected 3 numbers \(x0, x1, x2\), got \[1, 2\]"),
        ([1, 2, 3, 4], "expected 3 numbers"),
        (1.0, "expected 3 numbers"),
        (None, "expected 3 numbers"),
        ("1,2,3", "expected 3 numbers"),
        (["1", "2", "3"], "expected 3 numbers"),
        ([1, None, 3], "expected 3 numbers"),
        ([1, [2], 3], "expected 3 numbers"),
        ([[1, 2, 3]], "expected 3 numbers"),
        ([1, 2, 10**400], "expected 3 numbers"),
        ([1, 2, 3j], "expected 3 numbers"),
        ([1, np.nan, 3], "'x1' expected a finite number.*got nan"),
        ([1, 2, -np.inf], "'x2' expected a finite number.*got -inf"),
        ([1, 2, 1e300], "'x2'.*that float32 can hold once scaled"),
        ({"x0": 1, "x1": 2}, "lacks 'x2'"),
        ({"x0": 1, "x1": 2, "x2": 3, "z": 4}, "has the unknown 'z'"),
        ({"x0": 1, "x1": 2, "x2": "3"}, "expected 3 numbers"),
    ],
)
def test_an_observation_that_does_not_fit_is_refused(observation: Any, words: str) -> None:
    with pytest.raises(ObservationError, match=words):
        fitted().step(observation)


@pytest.mark.parametrize("shape", [(3,), (2, 2), (0, 3), (1, 2, 3)])
def test_a_case_of_other_axes_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"\[T >= 1, C=3\]"):
        fitted().encode(np.ones(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_value_that_cannot_be_encoded_is_named(value: float) -> None:
    x = np.ones((4, 3))
    x[2, 1] = value
    with pytest.raises(DataError, match=r"column 'x1': step 2: expected a finite number"):
        fitted().encode(x)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([4.0, 4.0, 4.0], r"column 'x1': expected values that vary, got 4 in all 3 rows.*leave"),
        ([0.0, 1e308, -1e308], "mean and spread float64 can hold"),
        ([0.0, 5e-324, 0.0], "mean and spread float64 can hold"),
    ],
)
def test_a_column_that_cannot_be_scaled_is_named(values: list[float], words: str) -> None:
    x = np.stack([[1.0, 2.0, 3.0], values], axis=1)
    with pytest.raises(DataError, match=words):
        SeriesCodec.fit(cases_from_arrays([x]))


GOOD = {
    "kind": "series",
    "features": ["a", "b"],
    "mean": [0.0, 1],
    "scale": [1.0, 2],
    "dtype": "float32",
}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "text"},
        {"features": []},
        {"features": ["a"]},
        {"features": ["a", "a"]},
        {"features": ["a", ""]},
        {"features": ["a", 1]},
        {"features": ["a", "\ud800"]},
        {"features": "ab"},
        {"mean": [0.0]},
        {"mean": [0.0, float("nan")]},
        {"mean": [0.0, 10**400]},
        {"mean": [0.0, True]},
        {"mean": [0.0, "1"]},
        {"mean": None},
        {"scale": [1.0, 0.0]},
        {"scale": [1.0, -1.0]},
        {"scale": [1.0, float("inf")]},
        {"dtype": "float16"},
        {"dtype": ["float32"]},
        {"more": 1},
    ],
)
def test_damaged_json_is_refused(change: dict[str, Any]) -> None:
    assert SeriesCodec.from_json(GOOD).scale == (1.0, 2.0)
    with pytest.raises(BundleError):
        SeriesCodec.from_json(GOOD | change)


def test_json_with_a_missing_key_is_refused() -> None:
    for key in GOOD:
        with pytest.raises(BundleError):
            SeriesCodec.from_json({name: GOOD[name] for name in GOOD if name != key})
