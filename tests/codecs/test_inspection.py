"""An inspection says what a source holds and warns of what training would refuse."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recurra.codecs import cases_from_arrays, inspect, inspect_cases
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
