"""A table's columns become numbers, times, labels or texts, or the faulty row is named."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from recurra.codecs.table import Table, shorten
from recurra.errors import DataError


def table(*fields: str) -> Table:
    return Table(pl.DataFrame({"a": fields}), "f.csv", typed=False, line_of=lambda row: row + 2)


def typed(*values: Any) -> Table:
    return Table(pl.DataFrame({"a": values}, strict=False), "X", typed=True)


@pytest.mark.parametrize("fields", [("1", " 2.5 ", "-3e2"), ("+1.", ".5", "1E-3")])
def test_numbers_are_what_python_reads(fields: tuple[str, ...]) -> None:
    assert table(*fields).floats("a").tolist() == [float(field) for field in fields]


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("", "a missing value: fill it"),
        ("NA", "the missing value 'NA'"),
        ("?", r"the missing value '\?'"),
        ("nan", "the missing value 'nan'"),
        ("x1", "the text 'x1'"),
        ("1,5", "the text '1,5'"),
        ("1_0", "the text '1_0'"),
        ("0x10", "the text '0x10'"),
        ("inf", "the infinite or too large 'inf'"),
        ("9" * 400, r"the infinite or too large '9+\.\.\.'"),
        ("2024-05-01", "the date '2024-05-01': name it as time"),
        ("2024-05-01 10:00", "the date"),
    ],
)
def test_what_is_no_number_is_named_with_its_line(field: str, words: str) -> None:
    with pytest.raises(DataError, match=f"f.csv, line 3, column 'a': expected .*{words}") as caught:
        table("1", field, "y").floats("a")
    assert (caught.value.line, caught.value.column) == (3, "a")


def test_a_column_without_any_value_is_named() -> None:
    for empty in (table("", "NA"), typed(None, None)):
        with pytest.raises(DataError, match="a column without any value: leave it out"):
            empty.floats("a")


def test_huge_whole_numbers_are_rounded_as_floats_are() -> None:
    assert table(str(2**70)).floats("a").tolist() == [2.0**70]
    assert typed(2**63 - 1).floats("a").tolist() == [2.0**63]


@pytest.mark.parametrize(
    ("fields", "numeric"),
    [
        (("1", "2"), True),
        (("1", "x"), True),
        (("1", "x", "y"), False),
        (("NA", "?", "1"), True),
        (("NA", ""), True),
        (("x", "y"), False),
    ],
)
def test_a_column_is_numeric_if_half_of_it_is(fields: tuple[str, ...], numeric: bool) -> None:
    assert table(*fields).is_numeric("a") == numeric


def test_times_are_numbers_or_iso_dates() -> None:
    assert table("5", "6.5").times("a").tolist() == [5.0, 6.5]
    assert table("1970-01-01", "1970-01-01T00:01").times("a").tolist() == [0.0, 60.0]
    assert table("20240430", "20240501").times("a").tolist() == [1714435200.0, 1714521600.0]
    assert table("20240499", "20240501").times("a").tolist() == [20240499.0, 20240501.0]
    assert [table(field).dated("a") for field in ("20240501", "07:30", "5")] == [True, True, False]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (("1970-01-01", "5"), "line 3, column 'a': expected ISO dates"),
        (("1970-01-01", ""), "line 3, column 'a': expected ISO dates"),
        (("1970-01-01", "1970-01-02T00:00Z"), "all with or all without a time zone"),
        (("5", "1970-01-01"), "line 3, column 'a': expected times as numbers, or as ISO dates"),
        (("noon", "1"), "line 2, column 'a': expected times as numbers.* got 'noon'"),
        (("01/31/2024", "02/01/2024"), "line 2, .*got '01/31/2024': write all of them so"),
        (("5", "inf"), "line 3, column 'a': expected a finite number, got the infinite"),
        (("", "1"), "line 2, column 'a': expected a finite number, got a missing value"),
    ],
)
def test_other_times_are_named(fields: tuple[str, ...], words: str) -> None:
    with pytest.raises(DataError, match=words):
        table(*fields).times("a")


def test_texts_and_labels() -> None:
    assert table(" u ", "").texts("a") == ["u", ""]
    assert table(" u ", "").raw_texts("a") == [" u ", ""]
    assert table("1", "").labels("a") == ["1", None]
    assert typed(1, None).labels("a") == [1, None]
    assert typed(True, False).labels("a") == [True, False]
    assert typed(1.5, np.nan).labels("a") == [1.5, None]
    assert typed("u", None).labels("a") == ["u", None]
    assert typed(1.0, 2.0).texts("a") == ["1", "2"]
    assert typed(1.5, None).texts("a") == ["1.5", ""]
    with pytest.raises(DataError, match="got List"):
        typed([1], [2]).texts("a")


def test_a_row_without_a_line_is_counted() -> None:
    assert str(typed(1).error("wrong", row=4, column="a")) == "X, column 'a': row 5: wrong"


def test_long_values_are_cut() -> None:
    assert shorten("ab") == "'ab'"
    assert len(shorten("a" * 1000)) == 50
