"""Columns get their roles from what was said, then from their names, then from their content."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from recurra.codecs import cases_from_arrays, fit_codec, read_cases
from recurra.codecs.roles import is_role_name
from recurra.errors import DataError
from recurra.spec.settings import DataSettings

ROWS = "p,0,1,10,u\np,1,2,20,u\nq,0,3,30,v\nq,1,4,40,v\n"


def roles(write: Any, content: str, **settings: Any) -> tuple[Any, tuple[str, ...]]:
    cases = read_cases(write(content, "f.csv"), DataSettings(**settings), need_target=False)
    columns = cases.columns
    assert columns is not None
    return (columns.id, columns.time, columns.target, columns.text, columns.ignored), cases.features


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("id,time,a,b,label", ("id", "time", "label", None, ())),
        ("Case,T,a,b,Class", ("Case", "T", "Class", None, ())),
        ("person,day,a,b,kind", ("person", None, "kind", None, ())),
        ("session,step,a,b,y", ("session", "step", "y", None, ())),
    ],
)
def test_names_then_content(write: Any, header: str, expected: Any) -> None:
    found, features = roles(write, f"{header}\n{ROWS}")
    assert found == expected
    assert features == (("day", "a", "b") if "day" in header else ("a", "b"))


def test_what_is_said_comes_first(write: Any) -> None:
    said = {"id": "label", "time": "b", "target": "time", "features": ("a",)}
    found, features = roles(write, "id,time,a,b,label\np,5,1,1,u\nq,5,2,2,u\nr,6,3,3,v\n", **said)
    assert found == ("label", "b", "time", None, ("id",))
    assert features == ("a",)


def test_y_may_be_a_coordinate(write: Any) -> None:
    found, features = roles(write, f"id,x,y,z,label\n{ROWS}")
    assert found[2] == "label"
    assert features == ("x", "y", "z")
    found, features = roles(write, "id,x,y\np,1,1\np,2,2\nq,3,4\n")
    assert (found[2], features) == (None, ("x", "y"))
    found, features = roles(write, "id,x,y\np,1,1\np,2,1\nq,3,4\n")
    assert (found[2], features) == ("y", ("x",))


def test_columns_of_texts_are_left_out(write: Any) -> None:
    found, features = roles(write, "id,a,note,label\np,1,x,u\np,2,y,u\nq,3,z,v\n")
    assert found[4] == ("note",)
    assert features == ("a",)


def test_labels_sorted_by_class_are_no_ids(write: Any) -> None:
    found, _ = roles(write, "label,who,a\nu,p,1\nu,p,2\nu,q,1\nv,r,2\n")
    assert (found[0], found[2]) == ("who", "label")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("text,label\nab,u\nc,v\n", (None, None, "label", "text", ())),
        ("label,review\n1,ab\n0,c\n", (None, None, "label", "review", ())),
        ("stars,Sentence\n1,ab\n0,c\n", (None, None, "stars", "Sentence", ())),
        ("id,text,label,more\n7,ab,u,1\n8,c,v,2\n", ("id", None, "label", "text", ("more",))),
    ],
)
def test_a_text_column_makes_a_text_table(write: Any, content: str, expected: Any) -> None:
    found, features = roles(write, content)
    assert found == expected
    assert features == ()


def test_a_text_column_may_be_said(write: Any) -> None:
    found, _ = roles(write, "words,stars\nab,1\nc,2\n", text="words")
    assert found == (None, None, "stars", "words", ())


def test_named_features_make_a_long_table(write: Any) -> None:
    found, features = roles(write, "id,text,a,label\np,x,1,u\nq,y,2,v\n", features=("a",))
    assert found == ("id", None, "label", None, ("text",))
    assert features == ("a",)


GOOD = f"id,time,a,b,label\n{ROWS}"


@pytest.mark.parametrize(
    ("content", "settings", "words"),
    [
        (GOOD, {"id": "idd"}, "column 'idd': expected this column, as id says, .* mean 'id'"),
        (GOOD, {"features": ("zzz",)}, "column 'zzz': expected this column, as features says"),
        (GOOD, {"features": ("a", "a")}, "column 'a': expected each feature once"),
        (GOOD, {"features": ()}, "at least one column in features"),
        (
            GOOD,
            {"features": ("a", "label"), "target": "label"},
            "column 'label': expected one role for a column, got feature and target",
        ),
        (GOOD, {"id": "a", "time": "a"}, "column 'a': expected one role .* got id and time"),
        ("id,case,a,label\np,p,1,u\n", {}, r"got 'id', 'case', which are all .*give --id"),
        ("id,a,label,class\np,1,u,v\n", {}, "one column for target, .*give --target"),
        ("a,b\n1,2\n3,4\n", {}, "which sequence a row belongs to, got 'a', 'b' .*give --id"),
        ("id,a,b\np,1,2\np,2,3\nq,1,4\n", {}, "a column to predict, .* give --target, or --labels"),
        ("id,note,label\np,x,u\np,y,u\nq,z,v\n", {}, "one numeric column .*give --features"),
        ("text,a,b\nx,1,2\ny,2,3\n", {}, "a column to predict, .* give --target"),
    ],
)
def test_what_stays_open_names_the_flag(
    refusal: Callable[..., DataError], content: str, settings: dict[str, Any], words: str
) -> None:
    assert re.search(words, str(refusal(content, **settings)))


def test_a_trained_model_finds_its_columns_again(write: Any) -> None:
    said = {"id": "who", "time": "at", "target": "what"}
    content = f"who,at,a,b,what\n{ROWS}"
    cases = read_cases(write(content, "f.csv"), DataSettings(**said))
    codec = fit_codec(cases, DataSettings(), "classify")
    turned = "b,extra,what,at,a,who\n10,7,u,0,1,p\n20,7,u,1,2,p\n30,7,v,0,3,q\n40,7,v,1,4,q\n"
    again = read_cases(write(turned, "f.csv"), DataSettings(), expect=codec)
    assert (again.ids, again.targets, again.features) == (cases.ids, cases.targets, ("a", "b"))
    for a, b in zip(cases.inputs, again.inputs, strict=True):
        assert a.tolist() == b.tolist()


def test_a_text_model_finds_its_column_by_name_or_by_being_the_only_text(write: Any) -> None:
    codec = fit_codec(cases_from_arrays(["ab", "c"], ["u", "v"]), DataSettings(), "classify")
    path = write("n,words\n1,ab\n2,c\n", "f.csv")
    cases = read_cases(path, DataSettings(), expect=codec, need_target=False)
    assert cases.inputs == ("ab", "c")
    path = write("n,words,more\n1,ab,x\n2,c,y\n", "f.csv")
    with pytest.raises(DataError, match=r"a column with texts as in training.* give --text"):
        read_cases(path, DataSettings(), expect=codec, need_target=False)


def test_known_names_are_known_in_any_case() -> None:
    assert is_role_name("Label")
    assert not is_role_name("banana")
