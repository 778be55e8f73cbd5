"""Files and lists of texts or frames: what is read, and one sentence for each thing that is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from recurra.codecs.corpus import CorpusCodec
from recurra.codecs.corpus_files import corpus_cases, read_corpus
from recurra.errors import DataError
from recurra.spec.settings import DataSettings

PLAIN = DataSettings()
LINE = DataSettings(sequences="line")


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def test_a_text_file_is_one_running_text(tmp_path: Path) -> None:
    """The whole file, its system's line ends made one."""
    cases = read_corpus(written(tmp_path, "a.txt", "one\r\n\r\ntwo\n"), PLAIN)
    assert cases.inputs == ("one\n\ntwo\n",)
    assert cases.kind == "text"


def test_a_text_file_can_hold_a_sequence_a_line(tmp_path: Path) -> None:
    """Blank lines are passed over; a sequence's name is its line."""
    cases = read_corpus(written(tmp_path, "a.txt", "one\n\ntwo\n"), LINE)
    assert cases.inputs == ("one", "two")
    assert cases.ids == ("1", "3")


def test_a_trained_model_reads_as_in_training(tmp_path: Path) -> None:
    """Whatever the settings say, sequences that ended in training are lines."""
    path = written(tmp_path, "a.txt", "one\ntwo\n")
    lines = CorpusCodec.fit(read_corpus(path, LINE), PLAIN)
    whole = CorpusCodec.fit(read_corpus(path, PLAIN), PLAIN)
    assert len(read_corpus(path, PLAIN, expect=lines)) == 2
    assert len(read_corpus(path, LINE, expect=whole)) == 1


def test_json_lines_of_texts_or_frames(tmp_path: Path) -> None:
    """One object a line, all of one kind; `id` names the case."""
    texts = "\n".join(json.dumps({"text": t, "id": t[0]}) for t in ("one", "two"))
    cases = read_corpus(written(tmp_path, "a.jsonl", texts), PLAIN)
    assert (cases.inputs, cases.ids) == (("one", "two"), ("o", "t"))
    frames = '{"frames": [[3, 1], []]}\n\n{"frames": [[2]]}\n'
    cases = read_corpus(written(tmp_path, "b.jsonl", frames), PLAIN)
    assert (cases.kind, cases.inputs) == ("frames", (((1, 3), ()), ((2,),)))
    assert cases.ids == ("1", "3")


def test_tables_with_a_column_of_texts(tmp_path: Path) -> None:
    """One text a row, from a file or a frame in memory."""
    table = pl.DataFrame({"text": ["one two", "two three", "three four"], "other": [1.0, 2.5, 3.0]})
    path = tmp_path / "a.csv"
    table.write_csv(path)
    settings = DataSettings(text="text")
    assert read_corpus(path, settings).inputs == tuple(table["text"])
    assert read_corpus(table, settings).inputs == tuple(table["text"])


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.txt", b"", "empty file"),
        ("a.txt", "  \n \n", "the file expected a text"),
        ("a.txt", b"ab\nc\xff", r"a\.txt, line 2: expected UTF-8"),
        ("a.jsonl", '{"text": "a"}\n{"frames": [[1]]}', r"line 2: expected text, one of them"),
        ("a.jsonl", '{"x": "a"}', "expected text or frames"),
        ("a.jsonl", '{"text": "a", "frames": [[1]]}', "expected text or frames"),
        ("a.jsonl", '{"text": ""}', r"line 1: text expected a text, got an empty one"),
        ("a.jsonl", '{"frames": [[1.5]]}', r"line 1: frames, step 0: expected whole numbers"),
        ("a.jsonl", '{"frames": []}', "at least one frame"),
        ("a.jsonl", "[1]", "expected an object"),
        ("a.jsonl", "{", "one JSON object a line"),
        ("a.jsonl", "[" * 100_000, "one JSON object a line"),
        ("a.jsonl", "\n\n", "only blank lines"),
        ("a.csv", "a,b\n1,2\n3,4\n", "expected a column of texts, got the columns a, b"),
        ("a.ts", "text", "expected a file that ends in"),
        ("a", "text", "no suffix"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: str | bytes, match: str) -> None:
    """What was expected, what came, and where."""
    with pytest.raises(DataError, match=match) as caught:
        read_corpus(written(tmp_path, name, content), PLAIN)
    assert name in str(caught.value)


def test_only_blank_lines(tmp_path: Path) -> None:
    """No sequence at all."""
    with pytest.raises(DataError, match="only blank lines"):
        read_corpus(written(tmp_path, "a.txt", "\n \n"), LINE)


def test_missing_places(tmp_path: Path) -> None:
    """A file that is not there, a folder, no path at all."""
    for wrong in (tmp_path, tmp_path / "nowhere.md", 5):
        with pytest.raises(DataError, match="expected"):
            read_corpus(wrong, PLAIN)


@pytest.mark.parametrize(
    ("X", "kind", "count"),
    [("a text", "text", 1), (["a", "b"], "text", 2), ([[[1], []], [[2]]], "frames", 2)],
)
def test_sequences_in_memory(X: Any, kind: str, count: int) -> None:
    """One running text, texts, or sequences of frames."""
    cases = corpus_cases(X)
    assert (cases.kind, len(cases)) == (kind, count)


@pytest.mark.parametrize("X", ["", [], 5, None, [""], ["a", 1], [[1, 2]], [[[1], "a"]], b"a"])
def test_bad_sequences_in_memory(X: Any) -> None:
    """Each is refused with what was expected."""
    with pytest.raises(DataError, match="expected"):
        corpus_cases(X)


@pytest.mark.parametrize("content", ["aaaa\n", "a a\n\naaa\n"])
def test_one_symbol_again_and_again_is_told_to_who_learns(tmp_path: Path, content: str) -> None:
    path = written(tmp_path, "a.txt", content)
    for settings in (PLAIN, LINE):
        (note,) = read_corpus(path, settings).notes
        assert note.startswith("there is nothing to learn: it is the symbol 'a' again and again")
    codec = CorpusCodec.fit(read_corpus(path, PLAIN), PLAIN)
    assert read_corpus(path, PLAIN, expect=codec).notes == ()
    assert read_corpus(written(tmp_path, "b.txt", content + "b"), PLAIN).notes == ()


def test_one_frame_again_and_again_is_told() -> None:
    (note,) = corpus_cases([[[60, 64]] * 3, [[60, 64]]]).notes
    assert note.startswith("there is nothing to learn: it is the frame (60, 64) again and again")
    assert corpus_cases([[[60, 64], []]]).notes == ()
    assert corpus_cases("ab" * 9).notes == ()
