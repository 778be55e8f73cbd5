"""An inspection says what a source holds and warns of what training would refuse."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recurra.codecs import cases_from_arrays, corpus_cases, inspect, inspect_cases, missing_report
from recurra.errors import DataError
from recurra.spec.settings import DataSettings

ROWS = "id,time,a,b,note,label\np,0,1,5,x,u\np,1,2,5,x,u\nq,0,3,5,y,v\nr,0,4,5,z,u\n"


def test_a_long_table_in_figures(write: Any) -> None:
    found = inspect(write(ROWS, "f.csv"), DataSettings())
    assert (found.kind, found.task, found.cases) == ("series", "classify", 3)
    assert found.lengths == (1, 1.0, 2)
    assert found.classes == (("u", 2), ("v", 1))
    assert found.span is None
    assert found.roles == (
        ("id", "id"),
        ("time", "time"),
        ("label", "target"),
        ("a", "feature"),
        ("b", "feature"),
        ("note", "ignored"),
    )
    assert found.features == ("a", "b")
    assert (found.role_of("id"), found.role_of("text")) == ("id", None)
    assert [warning.split(":")[0].split(" (")[0] for warning in found.warnings] == [
        "not read, because not numeric or without a role",
        "column 'b' is constant",
        "only 3 cases",
        "2 different labels in 3 cases",
    ]


def test_numbers_and_texts_in_figures() -> None:
    x = [np.arange(k + 1.0)[:, None] for k in range(30)]
    found = inspect_cases(cases_from_arrays(x, [k / 2 for k in range(30)]), DataSettings())
    assert (found.task, found.span, found.classes) == ("regress", (0.0, 14.5), None)
    assert (found.roles, found.warnings) == ((("x0", "feature"),), ())
    texts = inspect_cases(cases_from_arrays(["abc", "d"]), DataSettings())
    assert (texts.kind, texts.task, texts.lengths) == ("text", None, (1, 2.0, 3))
    assert any("no targets" in warning for warning in texts.warnings)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (["u"] * 30, "one class only"),
        (["u"] * 28 + ["v"] * 2, "28 of 30 cases are 'u'"),
        ([f"u{k}" for k in range(30)], "30 different labels in 30 cases"),
        ([2.5] * 30, "the target is 2.5 in every case"),
    ],
)
def test_targets_that_look_wrong_are_warned_of(y: list[Any], words: str) -> None:
    x = [np.arange(2.0)[:, None]] * 30
    found = inspect_cases(cases_from_arrays(x, y), DataSettings())
    assert [words in warning for warning in found.warnings] == [True]


def test_a_frame_may_be_inspected_and_a_bad_file_is_refused(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": [1, 1, 2], "a": [1.0, 2.0, 3.0], "label": ["u", "u", "v"]})
    assert inspect(frame, DataSettings()).cases == 2
    with pytest.raises(DataError, match="No such file"):
        inspect(tmp_path / "missing.csv", DataSettings())


HOLES = "id,time,a,b,c,label\np,0,1,,5,u\np,1,NA,,,u\nq,0,3,7,5,v\nr,0,4,7,5,u\n"


def test_missing_values_are_reported_a_column(write: Any) -> None:
    path = write(HOLES, "f.csv")
    found = inspect(path, DataSettings())
    assert found.missing == (("b", 0.5), ("a", 0.25), ("c", 0.25))
    assert found.warnings[0] == (
        "missing values: b 50.0%, a 25.0%, c 25.0%; missing='auto' carries the last value forward; "
        "mean, linear, mask and decay are the others"
    )
    assert [w.split(" (")[0] for w in found.warnings[1:3]] == [
        "column 'b' is constant",
        "column 'c' is constant",
    ]
    # Their flags tell something where the network reads them.
    flagged = inspect(path, DataSettings(missing="decay")).warnings
    assert "missing='decay' stands in for them" in flagged[0]
    assert not any("constant" in warning for warning in flagged)


def test_a_corpus_is_its_own_target() -> None:
    """A running text needs no target, and its end is held out; a few sequences are still few."""
    generate = DataSettings(task="generate")
    assert inspect_cases(corpus_cases("a b c " * 9), generate).warnings == ()
    (few,) = inspect_cases(corpus_cases(["ab", "cd"]), generate).warnings
    assert few.startswith("only 2 cases: ")
    assert inspect_cases(corpus_cases("abc"), DataSettings()).warnings[0].startswith("only 1 case:")


def test_many_columns_with_holes_stay_readable() -> None:
    x = np.random.default_rng(0).normal(size=(2000, 20))
    x[0] = np.nan
    cases = cases_from_arrays([x])
    warning = inspect_cases(cases, DataSettings(missing="mean")).warnings[0]
    assert warning.startswith("missing values: x0 <0.1%, x1 <0.1%")
    assert "and 8 more features; missing='mean'" in warning
    assert missing_report(cases_from_arrays([np.ones((2, 1))]), "auto") is None
    assert missing_report(cases_from_arrays(["ab"]), "auto") is None


def test_a_column_without_any_value_is_warned_of() -> None:
    x = np.array([[1.0, np.nan], [2.0, np.nan]])
    warnings = inspect_cases(cases_from_arrays([x]), DataSettings()).warnings
    assert any("column 'x1' has no value at all" in warning for warning in warnings)
