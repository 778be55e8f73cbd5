"""Pairs are read from lines, tables and lists; what is wrong is named by line and field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from recurra.codecs.pairs import PairCodec
from recurra.codecs.pairs_read import pair_cases, read_pairs
from recurra.errors import DataError
from recurra.spec.settings import DataSettings

PLAIN = DataSettings()


def written(folder: Path, text: str, name: str = "pairs.tsv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["pairs.tsv", "german-task1-train", "pairs.txt"])
@pytest.mark.parametrize("header", ["", "source\ttarget\n"])
def test_two_fields_are_source_and_target(tmp_path: Path, name: str, header: str) -> None:
    """With or without a header, whatever the suffix; blank lines count for nothing."""
    cases = read_pairs(written(tmp_path, f"{header}ab\tA B\r\n\nc d\tC\n", name), PLAIN)
    assert cases.inputs == ("ab", "c d")
    assert cases.targets == ("A B", "C")
    assert cases.kind == "text"


def test_three_fields_hold_features(tmp_path: Path) -> None:
    """In the middle, and behind a tab in the case."""
    cases = read_pairs(written(tmp_path, "aal\tpos=N\tAal\n"), PLAIN)
    assert cases.inputs == ("aal\tpos=N",)
    assert cases.targets == ("Aal",)


def test_to_predict_targets_may_be_absent(tmp_path: Path) -> None:
    """Two fields are source and features for a model that wants features."""
    codec = PairCodec.fit(pair_cases([("a", "x")], ["b"]), PLAIN)
    bare = PairCodec.fit(pair_cases(["a"], ["b"]), PLAIN)
    path = written(tmp_path, "a\tx\n")
    found = read_pairs(path, PLAIN, need_target=False, expect=codec)
    assert (found.inputs, found.targets) == (("a\tx",), None)
    assert read_pairs(path, PLAIN, need_target=False, expect=bare).targets == ("x",)
    alone = read_pairs(written(tmp_path, "a\nb\n"), PLAIN, need_target=False, expect=bare)
    assert (alone.inputs, alone.targets) == (("a", "b"), None)


def test_tables_and_frames_name_their_columns(tmp_path: Path) -> None:
    """source, target and maybe features; --target names another."""
    frame = pl.DataFrame({"source": ["a"], "features": ["x"], "target": ["b"], "form": ["c"]})
    for source in (frame, written(tmp_path, frame.write_csv(), "pairs.csv")):
        cases = read_pairs(source, PLAIN)
        assert (cases.inputs, cases.targets) == (("a\tx",), ("b",))
        assert read_pairs(source, DataSettings(target="form")).targets == ("c",)
    with pytest.raises(DataError, match="expected columns source and target"):
        read_pairs(pl.DataFrame({"a": ["b"]}), PLAIN)
    with pytest.raises(DataError, match="row 2: expected a text, got an empty one"):
        read_pairs(pl.DataFrame({"source": ["a", "b"], "target": ["c", " "]}), PLAIN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ab\tA\ncd\t\n", r"line 2: expected a target, got an empty one"),
        ("\tA\n", r"line 1: expected a source, got an empty one"),
        ("a\t \tA\n", r"line 1: expected a list of features, got an empty one"),
        ("ab\tA\ncd\n", r"line 2: expected 2 fields as in the first line, got 1"),
        ("ab\n", r"line 1: expected source<TAB>target .*, got 1 fields"),
        ("a\tb\tc\td\n", r"line 1: expected source<TAB>target .*, got 4 fields"),
        ("source\ttarget\n", "expected lines source<TAB>target, got none"),
        ("", "empty file"),
        ("\n\n", "got none"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, text: str, message: str) -> None:
    """By line, with what was expected and what came."""
    with pytest.raises(DataError, match=message):
        read_pairs(written(tmp_path, text), PLAIN)


def test_other_files_are_refused(tmp_path: Path) -> None:
    """What holds no pairs, and what is not there."""
    with pytest.raises(DataError, match=r"got \.npz: convert it"):
        read_pairs(tmp_path / "x.npz", PLAIN)
    with pytest.raises(DataError, match="readable file"):
        read_pairs(tmp_path / "x.tsv", PLAIN)
    with pytest.raises(DataError, match="a path or a data frame, got int"):
        read_pairs(3, PLAIN)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ("ab", None, "X expected a list of texts, got str"),
        ([], None, "at least one source"),
        (["a", 3], None, r"X\[1\] expected a source as text, got 3"),
        (["a", " "], None, r"X\[1\] expected a source, got an empty one"),
        (["a"], ["b", "c"], "a target for each of 1, got 2"),
        (["a"], [""], r"y\[0\] expected a target, got an empty one"),
        (["a"], "b", "y expected a list of texts, got str"),
        (["\ud800"], None, "lone surrogate at character 0"),
    ],
)
def test_bad_lists_are_named(X: Any, y: Any, message: str) -> None:
    """By their place."""
    with pytest.raises(DataError, match=message):
        pair_cases(X, y)


@pytest.mark.data
def test_the_shared_tasks_files_are_read_as_they_are(real_data: Path) -> None:
    """Ten languages of sounds, and lemmas with features in a file without a suffix."""
    for path in sorted((real_data / "g2p" / "train").iterdir()):
        cases = read_pairs(path, PLAIN)
        assert len(cases) == 3600
        codec = PairCodec.fit(cases, DataSettings(normalisation="NFD"))
        # Most Vietnamese entries are of several syllables, apart by spaces.
        unit = "space" if path.name.startswith("vie") else "character"
        assert (codec.source.unit, codec.target.unit) == (unit, "space")
        assert codec.marks is None
    forms = read_pairs(real_data / "inflection" / "german-task1-dev", PLAIN)
    assert len(forms) == 1597
    assert "pos=N" in (PairCodec.fit(forms, PLAIN).marks or ())


def test_json_lines_hold_the_same_pairs(tmp_path: Path) -> None:
    """With features, without targets, with ids of their own."""
    lines = '{"source": "国人", "target": "guo2 ren2", "id": 7}\n\n{"source": "a", "target": "b"}\n'
    cases = read_pairs(written(tmp_path, lines, "pairs.jsonl"), PLAIN)
    assert (cases.inputs, cases.targets) == (("国人", "a"), ("guo2 ren2", "b"))
    assert cases.ids == ("7", "1")
    marked = '{"source": "aal", "features": "pos=N", "target": "Aal"}'
    assert read_pairs(written(tmp_path, marked, "p.ndjson"), PLAIN).inputs == ("aal\tpos=N",)
    bare = read_pairs(written(tmp_path, '{"source": "a"}', "p.jsonl"), PLAIN, need_target=False)
    assert (bare.inputs, bare.targets) == (("a",), None)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('{"source": "a"}', "line 1: expected source and target, got no target"),
        ('{"source": "a", "target": "b"}\n{"target": "b"}', "line 2: .* got no source: add it"),
        ('{"source": "a", "target": ""}', "line 1: target expected a target, got an empty one"),
        ('{"source": "a", "target": 3}', "line 1: target expected a target as text, got 3"),
        ("[1]", r"line 1: expected an object, got \[1\]"),
        ("nonsense", "line 1: expected one JSON object a line"),
        (" \n", "only blank lines"),
    ],
)
def test_json_lines_that_are_no_pairs_are_named(tmp_path: Path, lines: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_pairs(written(tmp_path, lines, "pairs.jsonl"), PLAIN)
