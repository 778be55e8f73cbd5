"""One JSON object a line is a case; a line that is none is named."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.codecs import read_cases
from recurra.codecs.read_jsonl import read_jsonl
from recurra.errors import DataError
from recurra.spec.settings import DataSettings

finite = st.floats(allow_nan=False, allow_infinity=False)
letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


@given(
    st.lists(
        st.tuples(st.lists(st.tuples(finite, finite), min_size=1), st.text(letters, min_size=1))
    )
)
def test_what_was_written_is_read(write: Any, cases: list[tuple[Any, str]]) -> None:
    cases = [(x, y) for x, y in cases if y.strip()]
    cases.append(([(1.0, 2.0)], "last"))
    lines = [json.dumps({"x": x, "y": y, "more": None}) for x, y in cases]
    read = read_jsonl(write("\r\n".join(lines), "f.jsonl"))
    assert [x.tolist() for x in read.inputs] == [[list(step) for step in x] for x, _ in cases]
    assert read.target_values() == [y for _, y in cases]


def test_numbers_are_one_channel_and_texts_are_texts(write: Any) -> None:
    cases = read_jsonl(write('{"x": [1, 2.5], "y": 1}\n\n{"x": [3], "y": 0}\n', "f.jsonl"))
    assert [x.tolist() for x in cases.inputs] == [[[1.0], [2.5]], [[3.0]]]
    assert cases.targets == (1, 0)
    texts = read_jsonl(write('{"x": "ab", "y": true}\n{"x": "\\u00e9", "y": false}', "f.jsonl"))
    assert (texts.kind, texts.inputs, texts.targets) == ("text", ("ab", "é"), (True, False))


def test_null_and_nan_are_missing_values(write: Any) -> None:
    cases = read_jsonl(write('{"x": [[1, null], [NaN, 2]]}\n{"x": [[3, 4]]}\n', "f.jsonl"))
    assert np.isnan(cases.inputs[0]).tolist() == [[False, True], [True, False]]
    assert cases.missing == {"x0": 1 / 3, "x1": 1 / 3}


def test_ids_and_times_are_kept(write: Any) -> None:
    cases = read_jsonl(write('{"x": [1, 2], "id": 7, "time": [0, 60]}\n', "f.ndjson"))
    assert cases.ids == ("7",)
    assert cases.times is not None
    assert cases.times[0].tolist() == [0.0, 60.0]
    assert cases.targets is None


def test_targets_are_not_looked_at_unless_they_are_wanted(write: Any) -> None:
    path = write('{"x": [1], "y": null}\n{"x": [2]}\n', "f.jsonl")
    assert read_jsonl(path, want_target=False).targets is None


def test_labels_of_a_second_table_are_joined_by_id(write: Any) -> None:
    labels = write("id,label\nq,v\np,u\n", "labels.csv")
    path = write('{"x": [1], "id": "p"}\n{"x": [2], "id": "q"}\n', "f.jsonl")
    assert read_cases(path, DataSettings(labels=labels)).targets == ("u", "v")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("\n \n", "only blank lines"),
        ('{"x": [1], "y": 1}\n{"x": [1], "y": 1', "line 2: expected one JSON object"),
        ("[1]\n", r"line 1: expected an object with x, got \[1\]"),
        ("7\n", "line 1: expected an object with x, got 7"),
        ('{"y": 1}\n', r"line 1: expected an object with x, got the keys \['y'\]"),
        ('{"x": [1]}\n', "expected targets, got none"),
        ('{"x": [1], "y": 1}\n{"x": [1]}\n', "line 2: expected 'y' in every line.* not in line 2"),
        ('{"x": [1]}\n{"x": [1], "y": 1}\n', "line 2: expected 'y' .* in line 2 but not in line 1"),
        ('{"x": [1, -Infinity], "y": 1}\n', "line 1: expected finite numbers, got -Infinity"),
        ('{"x": [1e999], "y": 1}\n', "line 1, column 'x': x expected finite numbers, got inf"),
        ('{"x": [1, 2], "time": [0, null], "y": 1}\n', "column 'time': .* a missing one"),
        ('{"x": [1, "2"], "y": 1}\n', "column 'x': step 1: expected a finite number, got '2'"),
        ('{"x": [true], "y": 1}\n', "step 0: expected a finite number, got True"),
        ('{"x": [[1, 2], [3]], "y": 1}\n', r"step 1: expected as many .* \(2\), got 1: "),
        ('{"x": [[1, 2], 3], "y": 1}\n', r"step 1: expected as many .* \(2\), got 3"),
        ('{"x": [[[1]]], "y": 1}\n', r"step 0: expected a finite number, got \[1\]"),
        ('{"x": [[]], "y": 1}\n', "at least one number a step"),
        ('{"x": [], "y": 1}\n', "line 1, column 'x': .* length 0"),
        ('{"x": {}, "y": 1}\n', "expected a list of steps, got {}"),
        ('{"x": 1, "y": 1}\n', "expected a list of steps, got 1"),
        ('{"x": "", "y": 1}\n', "expected a text, got an empty one"),
        ('{"x": "\\ud800", "y": 1}\n', "lone surrogate"),
        ('{"x": "a", "y": 1}\n{"x": [1], "y": 1}\n', "line 2, column 'x': expected texts in every"),
        ('{"x": [1], "y": 1}\n{"x": [[1, 2]], "y": 1}\n', "line 2.* 1 numbers a step as in line 1"),
        ('{"x": [1], "y": null}\n', "line 1, column 'y': expected a label or a number"),
        ('{"x": [1], "y": [1]}\n', "line 1, column 'y': expected a label or a number, got list"),
        ('{"x": [1], "y": " "}\n', "line 1, column 'y': expected a label, got an empty text"),
        ('{"x": [1], "y": 1%s}\n' % ("0" * 30), "within 64 bits"),
        ('{"x": [1], "y": 1%s}\n' % ("0" * 5000), "line 1: expected one JSON object"),
        ('{"x": [1%s], "y": 1}\n' % ("0" * 400), "numbers that float64 can hold"),
        ("[" * 100_000, "line 1: expected one JSON object.*nested too deeply"),
        ('{"x": [1], "y": 1, "id": "p"}\n{"x": [1], "y": 1, "id": "p"}\n', "line 2.*as in line 1"),
        ('{"x": [1], "y": 1, "id": 1.5}\n', "column 'id': expected a text or a whole number"),
        ('{"x": [1], "y": 1, "id": " "}\n', "column 'id': expected a text or a whole number"),
        ('{"x": [1], "y": 1, "time": [1, 2]}\n', "column 'time': expected 1 times"),
        ('{"x": [1, 2], "y": 1, "time": [1, 1]}\n', "column 'time': step 1: .*twice"),
        ('{"x": [1, 2], "y": 1, "time": [2, 1]}\n', "column 'time': step 1: .*1 after 2"),
        ('{"x": [1, 2], "y": 1, "time": "now"}\n', "column 'time'"),
        ('{"x": [1, 2], "y": 1, "time": [0, "now"]}\n', "column 'time': step 1: .*'now'"),
    ],
)
def test_a_wrong_line_is_named(refusal: Callable[..., DataError], content: str, words: str) -> None:
    assert re.search(words, str(refusal(content, "f.jsonl")))
