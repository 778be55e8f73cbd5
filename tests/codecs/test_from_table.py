"""Rows become cases by their id, in the order of the file; each fault has its line."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recurra.codecs import Cases, fit_codec, read_cases
from recurra.errors import DataError
from recurra.spec.settings import DataSettings

LONG = "id,time,a,b,label\np,0,1,4,u\np,1,2,3,u\nq,0,3,5,v\n"


def read(write: Any, content: str, **settings: Any) -> Cases:
    return read_cases(write(content, "f.csv"), DataSettings(**settings))


def test_rows_of_an_id_may_stand_apart(write: Any) -> None:
    cases = read(write, "id,time,a,label\nq,0,1,u\np,0,2,v\nq,5,3,u\np,7,4,v\n")
    assert cases.ids == ("q", "p")
    assert [x.tolist() for x in cases.inputs] == [[[1.0], [3.0]], [[2.0], [4.0]]]
    assert cases.times is not None
    assert [t.tolist() for t in cases.times] == [[0.0, 5.0], [0.0, 7.0]]
    assert cases.targets == ("u", "v")


def test_missing_values_are_nan_and_counted(write: Any) -> None:
    cases = read(write, "id,time,a,b,label\np,0,1,,u\np,1,NA,2,u\nq,0,3,?,v\n")
    assert np.isnan(cases.inputs[0]).tolist() == [[False, True], [True, False]]
    assert cases.missing == {"a": 1 / 3, "b": 2 / 3}


def test_a_model_that_was_trained_without_has_them_refused_with_their_line(write: Any) -> None:
    plain = fit_codec(read(write, LONG), DataSettings(), "classify")
    filling = fit_codec(read(write, LONG), DataSettings(missing="last"), "classify")
    path = write("id,time,a,b\np,0,1,2\np,1,1,\n", "new.csv")
    with pytest.raises(DataError, match=r"line 3, column 'b': .* a missing value"):
        read_cases(path, DataSettings(), need_target=False, expect=plain)
    cases = read_cases(path, DataSettings(), need_target=False, expect=filling)
    assert np.isnan(cases.inputs[0]).tolist() == [[False, False], [False, True]]


def test_features_are_read_in_the_order_that_was_said(write: Any) -> None:
    content = "id,a,b,label\np,1,2,u\nq,3,4,v\n"
    cases = read(write, content, features=("b", "a"))
    assert cases.inputs[0].tolist() == [[2.0, 1.0]]


def test_texts_keep_their_spaces_and_their_ids(write: Any) -> None:
    cases = read(write, 'id,text,label\n7," a\nb ",u\n8,c,v\n')
    assert cases.inputs == (" a\nb ", "c")
    assert cases.ids == ("7", "8")
    assert read(write, "text,label\na,u\nc,v\n").ids == ("0", "1")


def test_the_task_decides_what_targets_are(write: Any) -> None:
    content = "id,a,label\np,1,1\nq,3,2\n"
    assert read(write, content).targets == ("1", "2")
    assert read(write, content, task="regress").target_values() == [1.0, 2.0]
    assert read(write, content.replace(",2\n", ",2.5\n")).target_kind == "number"


def test_labels_may_come_from_a_second_table(write: Any) -> None:
    for content in ("id,label\nq,v\np,u\nmore,w\n", "verdict,id\nv,q\nu,p\n"):
        labels = write(content, "labels.csv")
        cases = read(write, "id,a,b\np,1,5\np,2,6\nq,3,7\n", labels=labels)
        assert cases.targets == ("u", "v")
        assert cases.features == ("a", "b")
    labels = write("id,kind,score\nq,v,1.5\np,u,2\n", "labels.csv")
    content = "id,a\np,1\np,2\nq,3\n"
    assert read(write, content, labels=labels, target="score").target_values() == [2.0, 1.5]


def test_a_label_column_beside_a_labels_file_is_no_feature(write: Any) -> None:
    labels = write("id,label\nq,v\np,u\n", "labels.csv")
    assert read(write, "id,a,label\np,1,1\nq,3,2\n", labels=labels).features == ("a",)


LABELS = "id,a\np,1\np,2\nq,3\n"


@pytest.mark.parametrize(
    ("labels", "settings", "words"),
    [
        ("id,label\np,u\n", {}, r"labels\.csv, column 'label': .* none for 'q' of .*data\.csv"),
        ("id,label\np,u\nq,v\np,u\n", {}, "line 4, column 'id': .* got the id 'p' twice"),
        ("id,label\np,u\nq,\n", {}, "line 3, column 'label': expected a target"),
        ("name,label\np,u\nq,v\n", {}, "expected the column 'id' by which the labels are joined"),
        ("id,a,b\np,u,1\nq,v,2\n", {}, "one column of labels beside 'id': give --target"),
        ("id,label\np,u\nq,v\n", {"target": "lable"}, "did you mean 'label'"),
        ("id,label\np,u\nq,v\n", {"task": "regress"}, "line 2.*expected a number as target"),
        ("id\np\nq\n", {}, "one column of labels"),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    refusal: Callable[..., DataError],
    write: Any,
    labels: str,
    settings: dict[str, Any],
    words: str,
) -> None:
    path = write(labels, "labels.csv")
    assert re.search(words, str(refusal(LABELS, labels=path, **settings)))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("p,0,1,u\n,1,2,u\n", "line 3, column 'id': expected an id, got an empty field"),
        ("p,0,1,u\np,1,2,v\n", "line 3, column 'label': expected one target .* id 'p'"),
        ("p,0,1,\np,1,2,\n", "line 2, column 'label': expected a target, got a missing value"),
        ("p,0,1,u\np,0,2,u\n", r"line 3, column 'time': .*the time 0 twice \(id 'p'\)"),
        ("p,5,1,u\nq,0,1,v\np,4,2,u\n", "line 4, column 'time': .*got 4 after 5"),
        ("p,0,1,u\np,x,2,u\n", "line 3, column 'time': expected times as numbers.* got 'x'"),
        ("p,0,,u\np,1,NA,u\n", "column 'a': .* a column without any value"),
        ("p,0,1,u\np,1,inf,u\n", "line 3, column 'a': .* infinite"),
        ('p,0,1,u\np,1,"2\n3",u\n', "line 3, column 'a': .* the text"),
        ('p,0,1,u\n"p\nr",1,3,u\nq,1,x,v\n', "line 5, column 'a': .* the text 'x'"),
    ],
)
def test_rows_that_do_not_fit_are_named(
    refusal: Callable[..., DataError], rows: str, words: str
) -> None:
    assert re.search(words, str(refusal(f"id,time,a,label\n{rows}")))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("7, ,u\n", "line 2, column 'text': this case expected a text, got an empty one"),
        ("7,a,u\n7,b,v\n", "line 3, column 'id': expected one row for each id, got the id '7'"),
        ("7,a,u\n,b,v\n", "line 3, column 'id': expected one row for each id, got an empty"),
        ("7,a,u\n8,b,\n", "line 3, column 'label': expected a target"),
    ],
)
def test_texts_that_do_not_fit_are_named(
    refusal: Callable[..., DataError], rows: str, words: str
) -> None:
    assert re.search(words, str(refusal(f"id,text,label\n{rows}")))
