"""Arrays become cases with the axes that were stated, or one sentence says what does not fit."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from recurra.codecs import Timed, cases_from_arrays
from recurra.errors import DataError, ShapeError


def test_a_list_of_unequal_lengths_keeps_every_value() -> None:
    x = [np.arange(6).reshape(3, 2), np.arange(2, dtype=np.float32).reshape(1, 2)]
    cases = cases_from_arrays(x, ["u", "v"])
    assert cases.lengths.tolist() == [3, 1]
    assert cases.features == ("x0", "x1")
    for given, kept in zip(x, cases.inputs, strict=True):
        assert kept.dtype == np.float64
        assert np.array_equal(given, kept)


def test_channels_first_is_the_same_cases_transposed() -> None:
    x = np.random.default_rng(0).normal(size=(4, 7, 3))
    first = cases_from_arrays(x)
    second = cases_from_arrays(x.transpose(0, 2, 1), layout="nct")
    third = cases_from_arrays([case.T for case in x], layout="nct")
    for a, b, c in zip(first.inputs, second.inputs, third.inputs, strict=True):
        assert a.shape == (7, 3)
        assert np.array_equal(a, b)
        assert np.array_equal(a, c)


def test_nan_is_a_missing_value_and_is_counted() -> None:
    cases = cases_from_arrays([np.array([[1.0, np.nan], [2.0, np.nan]]), np.ones((2, 2))])
    assert cases.missing == {"x1": 0.5}
    assert cases_from_arrays(["ab"]).missing == {}


def test_series_may_come_with_their_times() -> None:
    x = [Timed(np.ones((2, 1)), [0, 5]), Timed(np.ones((1, 1)), [3])]
    cases = cases_from_arrays(x, ["u", "v"])
    assert cases.times is not None
    assert [clock.tolist() for clock in cases.times] == [[0.0, 5.0], [3.0]]
    again = cases_from_arrays(cases.raw)
    assert [clock.tolist() for clock in again.times or ()] == [[0.0, 5.0], [3.0]]


def test_texts_come_as_a_list_or_as_an_array() -> None:
    for x in (["ab", "c"], np.array(["ab", "c"]), ("ab", "c")):
        cases = cases_from_arrays(x, [True, False])
        assert cases.kind == "text"
        assert cases.inputs == ("ab", "c")
        assert cases.features == ()


@pytest.mark.parametrize(
    ("y", "target", "kind", "values"),
    [
        ([1, 2], "auto", "class", [1, 2]),
        (np.array([1, 2]), "auto", "class", [1, 2]),
        (np.array(["u", "v"]), "auto", "class", ["u", "v"]),
        ([np.int64(1), np.int64(2)], "auto", "class", [1, 2]),
        ([True, False], "auto", "class", [True, False]),
        ([1.5, 2], "auto", "number", [1.5, 2.0]),
        ([1, 2], "number", "number", [1.0, 2.0]),
        ([1.5, 2.0], "class", "class", [1.5, 2.0]),
        (pl.Series(["u", "v"]), "auto", "class", ["u", "v"]),
    ],
)
def test_targets_are_plain_values_of_the_type_that_came(
    y: Any, target: Any, kind: str, values: list[Any]
) -> None:
    cases = cases_from_arrays([np.ones((1, 1))] * 2, y, target=target)
    assert cases.target_kind == kind
    assert cases.target_values() == values
    assert [type(v) for v in cases.target_values()] == [type(v) for v in values]


ONE = np.ones((2, 1))


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (None, DataError, "X expected a list of"),
        ("text", DataError, "X expected a list of"),
        (3, DataError, "got int: convert it"),
        ([], DataError, "at least one case, got none"),
        (np.ones((0, 3, 1)), DataError, "at least one case, got none"),
        (np.ones((3, 4)), ShapeError, r"\[N, T, C\].*got \[3, 4\].*X\[\.\.\., None\]"),
        (np.ones(3), ShapeError, r"got \[3\]"),
        ([ONE, np.ones(3)], ShapeError, r"X\[1\] expected \[T, C\], got \[3\].*x\[:, None\]"),
        ([ONE, np.ones((2, 2))], ShapeError, "got C=1 in case 0 and C=2 in case 1"),
        ([ONE, np.ones((0, 1))], DataError, r"X\[1\].*length 0"),
        ([np.ones((2, 0))], ShapeError, "no channel"),
        ([ONE, np.array([[1], [np.inf]])], DataError, r"X\[1\].*inf at step 1, feature 'x0'"),
        ([Timed(ONE, [0, 1]), ONE], DataError, r"times for every case or for none.*X\[1\]"),
        ([Timed(ONE, [1, 0])], DataError, r"X\[0\] expected times \[T\] that rise: step 1"),
        ([Timed(ONE, ["a"])], DataError, r"X\[0\] expected times"),
        ([Timed(np.ones((3, 1)), [0, 1])], ShapeError, r"X\[0\] expected times \[T=3\], got \[2\]"),
        ([np.array([[1.0, np.inf]])], DataError, "inf at step 0, feature 'x1'"),
        ([ONE, "text"], DataError, r"X\[1\] expected numbers, got elements of type <U4"),
        (["text", ONE], DataError, r"X\[1\] expected a text, got ndarray"),
        (["text", " "], DataError, r"X\[1\] expected a text, got an empty one"),
        (["\ud800"], DataError, "lone surrogate at character 0"),
        (np.array([ONE, np.ones((3, 1))], dtype=object), DataError, r"list\(X\)"),
        ([np.array([["a"]])], DataError, "elements of type <U1"),
        ([np.array([[None]])], DataError, "elements of type object"),
        ([[[1], [1, 2]]], DataError, r"X\[0\] expected an array"),
        ([np.array([[1j]])], DataError, "elements of type complex128"),
    ],
)
def test_what_is_no_case_is_refused(x: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        cases_from_arrays(x)


@pytest.mark.parametrize(
    ("y", "error", "words"),
    [
        ([1], ShapeError, "one value for each of 2 cases, got 1"),
        (np.ones((2, 1)), ShapeError, r"\[N=2\], got \[2, 1\]"),
        ("ab", ShapeError, "got str"),
        (3, ShapeError, "got int"),
        ([1.0, np.nan], DataError, r"y\[1\]: expected a finite label, got nan"),
        (["u", None], DataError, r"y\[1\]: expected a label or a number, got NoneType"),
        (["u", ""], DataError, r"y\[1\]: expected a label, got an empty text"),
        (["u", "\udfff"], DataError, "valid Unicode"),
        ([1, 2**70], DataError, "within 64 bits"),
    ],
)
def test_what_is_no_target_is_refused(y: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        cases_from_arrays([ONE, ONE], y)


def test_numbers_are_wanted_and_labels_come() -> None:
    with pytest.raises(DataError, match=r"y\[0\]: expected a number as target, got 'u'"):
        cases_from_arrays([ONE], ["u"], target="number")
