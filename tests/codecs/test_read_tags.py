"""Law: every source of labels a step gives the same cases; what is wrong names its place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recurra.codecs import Cases, read_cases
from recurra.codecs.read_tags import is_tagged, read_tag_cases, tag_cases_from_arrays
from recurra.codecs.tags import TagCodec
from recurra.errors import DataError, ShapeError
from recurra.spec.settings import DataSettings

TAG = DataSettings(task="tag")
TOKENS, TAGS = (("a", "b"), ("c",)), (("O", "B-X"), ("B-X",))


def same(cases: Cases) -> bool:
    return (cases.inputs, cases.targets, cases.target_kind) == (TOKENS, TAGS, "steps")


def test_tokens_of_every_form_are_the_same_cases(tmp_path: Path) -> None:
    rows = [("1", "a", "O"), ("1", "b", "B-X"), ("2", "c", "B-X")]
    frame = pl.DataFrame(rows, schema=["id", "token", "tag"], orient="row")
    (tmp_path / "x.bio").write_text("a O\nb B-X\n\nc B-X\n")
    (tmp_path / "x.tsv").write_text("a\tO\nb\tB-X\n\nc\tB-X\n")
    frame.write_csv(tmp_path / "x.csv")
    frame.write_csv(tmp_path / "table.tsv", separator="\t")
    frame.write_parquet(tmp_path / "x.parquet")
    lines = [{"x": ["a", "b"], "y": ["O", "B-X"]}, {"x": "c", "y": ["B-X"]}]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, lines)))
    for name in ("x.bio", "x.tsv", "x.csv", "table.tsv", "x.parquet", "x.jsonl"):
        assert same(read_cases(tmp_path / name, TAG)), name
    assert same(read_cases(frame, TAG))
    assert same(read_cases(tmp_path / "x.bio", DataSettings()))
    assert same(tag_cases_from_arrays([["a", "b"], "c"], [["O", "B-X"], ["B-X"]], settings=TAG))
    assert [is_tagged(name) for name in ("x.conll", "x.txt", "x.csv", 3)] == [True] + [False] * 3


def test_tags_out_of_order_are_told_whatever_holds_them(tmp_path: Path) -> None:
    tags = [["B-X", "E-X"], ["O", "E-X", "S-X", "B-X"]]
    tokens = [["a"] * len(row) for row in tags]
    told = r"2 tags are out of order for bioes \(the first in sequence 1, step 1\)"
    (note,) = tag_cases_from_arrays(tokens, tags, settings=TAG).notes
    assert re.match(told, note)
    rows = [(str(k), "a", tag) for k, row in enumerate(tags) for tag in row]
    frame = pl.DataFrame(rows, schema=["id", "token", "tag"], orient="row")
    assert read_cases(frame, TAG).notes == (note,)
    lines = [{"x": x, "y": y} for x, y in zip(tokens, tags, strict=True)]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert read_cases(tmp_path / "x.jsonl", TAG).notes == (note,)
    assert not tag_cases_from_arrays(tokens[:1], tags[:1], settings=TAG).notes
    assert not tag_cases_from_arrays([np.zeros((2, 1))], [[1, 0]], settings=TAG).notes


def test_sensor_steps_with_a_label_a_row() -> None:
    table = pl.DataFrame(
        {"id": [1, 1, 2, 2], "time": [0, 1, 0, 1], "y": [0.5, 1, 2, 3], "state": [0, 1, 1, 1]}
    )
    cases = read_cases(table, TAG.model_copy(update={"target": "state"}))
    assert (cases.kind, cases.features, cases.targets) == ("series", ("y",), ((0, 1), (1, 1)))
    assert cases.columns is not None
    assert (cases.columns.id, cases.columns.target) == ("id", "state")
    codec = TagCodec.fit(cases, TAG, characters=False, pairs=False)
    again = read_cases(table.drop("state"), DataSettings(), need_target=False, expect=codec)
    assert again.targets is None
    np.testing.assert_array_equal(again.inputs[1], cases.inputs[1])
    arrays = tag_cases_from_arrays(
        [np.zeros((2, 1)), np.ones((1, 1))], [np.array([0, 1]), [1]], settings=TAG
    )
    assert arrays.targets == ((0, 1), (1,))


def test_whole_texts_can_be_answered() -> None:
    """A row a text, with ids or without; a token a row has more than one row an id."""
    codec = fitted(tag_cases_from_arrays([["the", "dog"]], [["D", "N"]], settings=TAG))
    for table in (
        pl.DataFrame({"text": ["the dog", "a cat"]}),
        pl.DataFrame({"id": [1, 2], "text": ["the dog", "a cat"]}),
    ):
        cases = read_cases(table, DataSettings(), need_target=False, expect=codec)
        assert (cases.kind, cases.inputs) == ("text", ("the dog", "a cat"))
        assert [case.length for case in codec.encode_cases(cases)] == [2, 2]
    tokens = pl.DataFrame({"id": [1, 1], "text": ["the", "dog"]})
    cases = read_cases(tokens, DataSettings(), need_target=False, expect=codec)
    assert cases.inputs == (("the", "dog"),)


def test_numbers_in_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"x": [[1, 2], [3, 4]], "y": [0, 1], "id": "p"}\n{"x": [[5, 6]], "y": [1]}')
    cases = read_tag_cases(path, TAG)
    assert cases.ids == ("p", "1")
    assert cases.inputs[0].tolist() == [[1, 2], [3, 4]]
    assert read_tag_cases(path, TAG, need_target=False, expect=fitted(cases)).targets is None


def fitted(cases: Cases) -> TagCodec:
    return TagCodec.fit(cases, TAG, characters=False, pairs=False)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("x.csv", "id,token,tag\n1,a,O\n1,b,\n", "expected a tag in every row, got a missing"),
        ("x.csv", "id,token,tag\n1,a,O\n1,,O\n", "expected a token, got an empty field"),
        ("x.csv", "id,token,tag,label\n1,a,O,O\n", "expected one column of tags, got tag, label"),
        ("x.csv", "id,token,other\n1,a,O\n", "expected a column of tags"),
        ("x.csv", "token,tag\na,O\nb,O\n", "tells which sequence a row belongs to"),
        ("x.jsonl", '{"x": ["a"], "y": ["O", "O"]}', "expected 1 tag, one a step, got 2"),
        ("x.jsonl", '{"x": ["a"], "y": "O"}', "expected a list of 1 tag"),
        ("x.jsonl", '{"x": ["a"], "y": [""]}', "step 0: expected a label"),
        ("x.jsonl", '{"x": ["a"], "y": ["O"]}\n{"x": ["a"]}', "expected y, the tags"),
        ("x.jsonl", '{"x": ["a"]}', "expected a tag for each step, got none"),
        ("x.jsonl", '{"y": ["a"]}', "expected an object with x"),
        ("x.jsonl", "{", "expected one JSON object a line"),
        ("x.jsonl", '{"x": [], "y": []}', "at least one token"),
        ("x.jsonl", '{"x": [[1], [2, 3]], "y": ["O", "O"]}', "as many numbers at every step"),
        ("x.jsonl", "\n", "only blank lines"),
        (
            "x.csv",
            "id,token,tag\n1,a,B-X\n1,b,I-\n",
            "line 3, column 'tag': step 1: .* such as I-X",
        ),
        ("x.jsonl", '{"x": ["a", "b"], "y": ["O", "B-"]}', "line 1, column 'y': step 1: .*'B-'"),
        ("x.bio", "a\nb\n", "expected a tag for each step, got none"),
        ("x.doc", "a O\n", "expected a file that ends in .conll"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=words) as refusal:
        read_cases(tmp_path / name, TAG)
    assert name in str(refusal.value)


def test_paths_that_are_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="got a folder"):
        read_tag_cases(tmp_path, TAG)
    with pytest.raises(DataError, match="there is none"):
        read_tag_cases(tmp_path / "missing.doc", TAG)
    with pytest.raises(DataError, match="expected a path or a data frame, got int"):
        read_tag_cases(3, TAG)


@pytest.mark.parametrize(
    ("X", "y", "words"),
    [
        ([["a"], []], None, r"X\[1\]: expected at least one token"),
        ([["a"]], ["O"], r"y\[0\]: expected a list of 1 tag, one a step, got 'O'"),
        ([["a"]], [["O"], ["O"]], "expected the tags of 1 case, got 2"),
        ([["a"]], "O", "expected the tags of 1 case"),
        ([["a", "b"]], [["O"]], r"y\[0\]: expected 2 tags, one a step, got 1"),
        ([["a"]], [[float("nan")]], r"y\[0\]: step 0: expected a finite label"),
    ],
)
def test_arrays_that_do_not_fit_are_told(X: Any, y: Any, words: str) -> None:
    with pytest.raises((DataError, ShapeError), match=words):
        tag_cases_from_arrays(X, y, settings=TAG)


def test_a_json_line_without_steps_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"x": ["a"], "y": ["O"]}\n\n{"x": [], "y": []}\n')
    with pytest.raises(DataError, match=r"t.jsonl, line 3: expected at least one token"):
        read_tag_cases(path, DataSettings(task="tag"))
