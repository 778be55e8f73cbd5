"""Arrays become series whose columns are targets; other axes are refused, never guessed."""

from typing import Any

import numpy as np
import pytest

from recurra.codecs.cases import Timed
from recurra.codecs.forecast_arrays import series_from_arrays
from recurra.errors import DataError, ShapeError

X = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize("given", [[1.0, 2.0, 3.0], (1, 2, 3), np.array([1, 2, 3])])
def test_one_series_of_numbers(given: Any) -> None:
    cases = series_from_arrays(given)
    assert len(cases) == 1
    assert cases.inputs[0].tolist() == [[1], [2], [3]]
    assert cases.target_names == ("x0",)


def test_several_series_of_several_targets() -> None:
    cases = series_from_arrays([X, X[:3]], ("a", "b"))
    assert cases.ids == ("0", "1")
    assert cases.target_names == ("a", "b")
    assert [len(x) for x in cases.inputs] == [6, 3]


def test_times_are_numbers_or_dates() -> None:
    days = np.datetime64("2024-01-01") + np.arange(6)
    cases = series_from_arrays(Timed(X, days))
    assert cases.dated
    assert cases.times is not None
    assert cases.times[0][:2].tolist() == [1704067200.0, 1704153600.0]
    assert not series_from_arrays([Timed(X, np.arange(6))]).dated


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ([], DataError, "at least one series"),
        ("abc", DataError, r"X\[0\]: expected numbers, got str"),
        (np.zeros((2, 3, 4)), ShapeError, r"expected a series \[T\] or \[T, A\], got \[2, 3, 4\]"),
        (np.zeros((0, 2)), ShapeError, "expected a series"),
        ([X, X[:, :1]], ShapeError, r"X\[1\] expected \[T, A=2\], got \[6, 1\]"),
        (np.array([1.0, np.inf]), DataError, "got inf at row 1"),
        ([Timed(X, np.arange(6)), X], DataError, r"X\[1\]: expected times"),
        (Timed(X, np.arange(5)), ShapeError, r"times \[T=6\], got \[5\]"),
        (Timed(X, np.zeros(6)), DataError, "twice"),
    ],
)
def test_what_is_no_series_is_refused(given: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        series_from_arrays(given)
