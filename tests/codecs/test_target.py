"""A label comes back in the type that came in; numbers come back in their own unit."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.codecs import LabelCodec, ValueCodec, cases_from_arrays
from recurra.codecs.target import as_number, target_from_json
from recurra.errors import BundleError, DataError

letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
labels = st.one_of(
    st.sets(st.text(letters, min_size=1).filter(str.strip)),
    st.sets(st.integers(-(2**63), 2**63 - 1)),
    st.sets(st.floats(allow_nan=False, allow_infinity=False)),
    st.just({True, False}),
).filter(lambda found: len(found) >= 2)


def fit_labels(y: list[Any], target: Any = "class") -> LabelCodec:
    return LabelCodec.fit(cases_from_arrays([np.ones((1, 1))] * len(y), y, target=target))


@given(labels)
def test_labels_come_back_in_their_own_type(found: set[Any]) -> None:
    y = list(found)
    codec = fit_labels(y)
    assert codec.size == len(found)
    for label in y:
        index = codec.encode(label)
        assert index.shape == ()
        assert index.dtype == np.int64
        back = codec.label(int(index))
        assert (back, type(back)) == (label, type(label))
        assert codec.decode(index) == label
    decoded = codec.decode([codec.index(label) for label in y]).tolist()
    assert decoded == y
    assert {type(label) for label in decoded} == {type(y[0])}


@given(labels)
def test_json_gives_the_same_labels_back(found: set[Any]) -> None:
    codec = fit_labels(list(found))
    back = target_from_json(json.loads(json.dumps(codec.to_json())))
    assert back == codec
    assert isinstance(back, LabelCodec)
    assert [type(label) for label in back.labels] == [type(label) for label in codec.labels]


def test_labels_of_another_source_are_found_by_their_text() -> None:
    assert fit_labels([1, 2]).index("2") == 1
    assert fit_labels(["1", "2"]).index(2) == 1
    assert fit_labels([1, 2]).index(2.0) == 1
    assert fit_labels([False, True]).index("true") == 1


def test_a_label_never_seen_is_refused_with_those_that_were() -> None:
    with pytest.raises(DataError, match=r"seen in training \('u', 'v'\), got 'w'"):
        fit_labels(["u", "v"]).encode("w")


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (["u", "u"], "at least two classes, got only 'u' in all 2 cases"),
        (["u", 1], "labels of one type .* got int, str"),
        ([True, 1], "got bool, int"),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(y: list[Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        fit_labels(y)


GOOD: dict[str, Any] = {"kind": "label", "type": "int", "labels": [1, 2]}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "labels"},
        {"type": "str"},
        {"type": "object"},
        {"labels": [1]},
        {"labels": [2, 1]},
        {"labels": [1, 1]},
        {"labels": [1, 2.0]},
        {"labels": [False, True]},
        {"labels": [1, 2**70]},
        {"labels": [1, None]},
        {"labels": {"1": 2}},
        {"type": "str", "labels": ["a", " "]},
        {"type": "str", "labels": ["a", "\ud800"]},
        {"type": "str", "labels": ["a", "b\0"]},
        {"type": "float", "labels": [1.0, float("inf")]},
        {"more": 1},
    ],
)
def test_damaged_labels_are_refused(change: dict[str, Any]) -> None:
    assert isinstance(target_from_json(GOOD), LabelCodec)
    with pytest.raises(BundleError):
        target_from_json(GOOD | change)


@given(
    # Spread over more than float64's rounding: else the target counts as constant.
    st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20).filter(lambda y: max(y) - min(y) > 1e-3)
)
def test_numbers_come_back_in_their_own_unit(y: list[float]) -> None:
    cases = cases_from_arrays([np.ones((1, 1))] * len(y), y, target="number")
    codec = ValueCodec.fit(cases, "float64")
    encoded = np.stack([codec.encode(value) for value in y])
    assert encoded.shape == (len(y), 1)
    assert np.allclose(codec.decode(encoded)[:, 0], y, rtol=1e-9, atol=1e-9 * np.abs(y).max())
    assert target_from_json(json.loads(json.dumps(codec.to_json()))) == codec


def test_the_dtype_of_numbers_is_chosen() -> None:
    assert ValueCodec(0.0, 1.0).encode(3).dtype == np.float32
    assert ValueCodec(0.0, 1.0, "float64").encode("3.5").tolist() == [3.5]
    assert ValueCodec(0.0, 1.0).size == 1


def test_a_constant_target_is_refused() -> None:
    with pytest.raises(DataError, match="targets that vary, got 3 in all 2 cases"):
        ValueCodec.fit(cases_from_arrays([np.ones((1, 1))] * 2, [3.0, 3.0]))
    with pytest.raises(DataError, match="float64 can hold"):
        ValueCodec.fit(cases_from_arrays([np.ones((1, 1))] * 2, [1.5e308, -1.5e308]))


@pytest.mark.parametrize("value", ["u", "", "nan", "inf", True, 10**400])
def test_what_is_no_finite_number_is_refused(value: Any) -> None:
    with pytest.raises(DataError, match="expected a number as target"):
        as_number(value)


@pytest.mark.parametrize(
    "change",
    [
        {"mean": None},
        {"mean": float("nan")},
        {"scale": 0.0},
        {"scale": -1.0},
        {"scale": "1"},
        {"dtype": "int"},
        {"kind": None},
        {"more": 1},
    ],
)
def test_damaged_figures_are_refused(change: dict[str, Any]) -> None:
    good = {"kind": "value", "mean": 0.0, "scale": 1.0, "dtype": "float32"}
    assert target_from_json(good) == ValueCodec(0.0, 1.0)
    with pytest.raises(BundleError):
        target_from_json(good | change)
    with pytest.raises(BundleError):
        target_from_json([good])
