"""Tagged files at the command line: learnt, measured, answered, streamed; wrong ones refused."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from recurra import runtime
from recurra.cli import main
from recurra.cli.stream import answer_stream

Capture = pytest.CaptureFixture[str]
FILE = "Anna B-PER\nLee I-PER\nmet O\n\nBo B-PER\nslept O\n\n" * 12
LEARN = ["--epochs", "2", "--hidden", "6", "--embedding", "4", "--threads", "1", "--quiet"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file and the bundle that was learnt from it, with a lag of one step."""
    folder = tmp_path_factory.mktemp("tag")
    (folder / "people.bio").write_text(FILE)
    out = str(folder / "model")
    assert main(["fit", str(folder / "people.bio"), "--out", out, "--lag", "1", *LEARN]) == 0
    return folder


def test_figures_are_those_of_spans(folder: Path, capsys: Capture) -> None:
    assert main(["evaluate", str(folder / "model"), str(folder / "people.bio"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["task"], found["n"]) == ("tag", 24)
    assert set(found) >= {"accuracy", "entity_f1", "entity_precision", "entity_recall"}
    # The same spans in another scheme and another form of file.
    other = folder / "people.tsv"
    bioes = FILE.replace("I-PER", "E-PER").replace("Bo B-PER", "Bo S-PER").replace(" ", "\t")
    other.write_text(bioes)
    assert main(["evaluate", str(folder / "model"), str(other), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert {**again, "seconds": 0} == {**found, "seconds": 0}


def test_files_without_tags_are_answered(folder: Path, tmp_path: Path) -> None:
    bare, out = tmp_path / "bare.txt", tmp_path / "answers.jsonl"
    bare.write_text("Bo\nslept\n\nZoë\n")
    assert main(["predict", str(folder / "model"), str(bare), "--out", str(out)]) == 0
    answers = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [len(answer["tags"]) for answer in answers] == [2, 1]
    assert all({"id", "tags", "spans"} == set(answer) for answer in answers)


def test_a_stream_gives_what_it_owes_when_a_sequence_ends(folder: Path) -> None:
    model, answers = runtime.load(folder / "model"), io.StringIO()
    lines = io.BytesIO(
        b'"Anna"\n"Lee"\n3\n{"x": "Bo", "restart": true}\n{"x": "", "restart": true}\n'
    )
    assert answer_stream(model, lines, answers) == 2
    found = [json.loads(line) for line in answers.getvalue().splitlines()]
    steps = [answer.get("step", "refused") for answer in found]
    # Of the second sequence's first line: what the first one owes, then its own answer.
    assert steps == [None, 0, "refused", 1, None, "refused", 0]
    whole = model.predict(("Anna", "Lee"))
    assert found[3] == {"step": 1, "tag": whole[1], "sure": True}


@pytest.mark.parametrize(
    ("name", "text", "more", "words"),
    [
        ("x.bio", "a B-X\nb\n", [], "line 2: expected 2 columns"),
        ("x.bio", "a O\n\nb O\n\nc O\n", [], "at least two different tags"),
        ("x.bio", "a\nb\n", [], "expected a tag for each step, got none"),
        ("x.bio", FILE, ["--horizon", "3"], "horizon=3 belongs to forecast"),
        ("x.bio", FILE, ["--class-weight", "balanced"], "a CRF learns whole paths"),
        ("x.tsv", "a\tNOUN\n\nb\tVERB\n", ["--task", "tag", "--scheme", "bio"], "spell spans"),
        ("x.csv", "id,v,tag\n1,0.5,a\n1,0.7,\n", ["--task", "tag"], "line 3, column 'tag'"),
        ("x.csv", "id,v,label\n1,0.5,a\n1,0.7,b\n2,1,a\n", [], "take --task tag"),
        ("x.csv", "id,v,tag\n1,0.5,a\n1,zzz,b\n", ["--task", "tag"], "expected a finite number"),
    ],
)
def test_what_cannot_be_learnt_is_one_sentence(
    tmp_path: Path, capsys: Capture, name: str, text: str, more: list[str], words: str
) -> None:
    (tmp_path / name).write_text(text)
    out = tmp_path / "model"
    assert main(["fit", str(tmp_path / name), "--out", str(out), *LEARN, *more]) == 2
    shown = capsys.readouterr().err.splitlines()
    assert shown[-1].startswith("recurra: error: ")
    assert words in shown[-1]
    assert not out.exists()


def test_unmatched_spans_are_told_and_learnt(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "x.bmes"
    path.write_text("a B-X\nb O\n\nc E-X\n\nd S-X\n\n" * 8)
    quiet = [flag for flag in LEARN if flag != "--quiet"]
    assert main(["fit", str(path), "--out", str(tmp_path / "model"), *quiet]) == 0
    assert (
        "look at: 16 tags are out of order for bioes (the first in line 2)"
        in capsys.readouterr().err
    )


def test_another_kind_of_file_than_in_training_is_refused(folder: Path, capsys: Capture) -> None:
    path = folder / "numbers.csv"
    path.write_text("id,v\n1,0.5\n1,0.7\n")
    out = ["--out", str(folder / "never.csv")]
    assert main(["predict", str(folder / "model"), str(path), *out]) == 2
    assert "expected tokens or texts, got series" in capsys.readouterr().err
