"""Pairs at the command line: learnt, measured, answered, and refused in one sentence."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from recurra.cli import main

Capture = pytest.CaptureFixture[str]


def written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generator = random.Random(0)
    stems = ["".join(generator.choices("abc", k=3)) for _ in range(40)]
    lines = [f"{stem}\tnum={n}\t{stem}{'s' * (n == 'PL')}" for stem in stems for n in ("SG", "PL")]
    return written(tmp_path_factory.mktemp("forms") / "forms.tsv", lines)


@pytest.fixture(scope="module")
def bundle(forms: Path, small: list[str]) -> Path:
    out = forms.parent / "bundle"
    flags = ["--task", "transduce", "--share-symbols", "--attention", "additive", "--beam", "2"]
    assert main(["fit", str(forms), *flags, *small, "--quiet", "--out", str(out)]) == 0
    return out


def refused(capsys: Capture, *arguments: str) -> str:
    """The one sentence on standard error, with exit code 2."""
    capsys.readouterr()
    assert main([*arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    return shown.err


def test_figures_have_the_promised_keys(bundle: Path, forms: Path, capsys: Capture) -> None:
    """Rates in [0, 1] beside the number of pairs."""
    assert main(["evaluate", str(bundle), str(forms), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["task"], figures["n"]) == ("transduce", 80)
    assert figures["accuracy"] == pytest.approx(1 - figures["word_error_rate"])
    assert figures["symbol_error_rate"] >= 0


def test_answers_need_no_targets(bundle: Path, tmp_path: Path) -> None:
    """Two fields are source and features; unknown letters and features are answered."""
    path = written(tmp_path / "new.tsv", ["abc\tnum=PL", "xyz\tnum=DU;case=NOM"])
    out = tmp_path / "answers.jsonl"
    assert main(["predict", str(bundle), str(path), "--out", str(out)]) == 0
    answers = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [answer["id"] for answer in answers] == ["0", "1"]
    assert all(1 <= len(answer["hypotheses"]) <= 2 for answer in answers)
    table = tmp_path / "answers.csv"
    assert main(["predict", str(bundle), str(path), "--out", str(table)]) == 0
    assert table.read_text("utf-8").splitlines()[0] == "id,prediction,log_probability"


def test_the_card_names_both_graphs(bundle: Path, capsys: Capture) -> None:
    """Encoder and decoder, and why there is no stream."""
    assert main(["info", str(bundle), "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert "attention: attention" in card["nodes"]
    assert not card["streams"]
    assert card["how_streaming"] is None
    assert "an output begins when its source has ended" in card["why_not_streaming"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["ab\tx\tAB", "cd\tx\t"], "line 2: expected a target, got an empty one"),
        (["ab\tx\tAB", "cd\tAB"], "line 2: expected 3 fields as in the first line, got 2"),
        (["ab"], "line 1: expected source<TAB>target"),
    ],
)
def test_bad_pairs_are_named(
    lines: list[str], message: str, tmp_path: Path, capsys: Capture
) -> None:
    """By file and line, before anything is learnt."""
    path = written(tmp_path / "pairs.tsv", lines)
    out = tmp_path / "out"
    said = refused(capsys, "fit", str(path), "--task", "transduce", "--out", str(out))
    assert message in said
    assert str(path) in said
    assert not out.exists()


def test_what_a_model_does_not_take_is_refused(
    bundle: Path, tmp_path: Path, capsys: Capture
) -> None:
    """No features where it wants some, a stream, and settings of this task for another."""
    path, out = written(tmp_path / "new.tsv", ["abc"]), str(tmp_path / "a.csv")
    said = refused(capsys, "predict", str(bundle), str(path), "--out", out)
    assert "expected features behind a tab" in said
    assert "an output begins when its source" in refused(capsys, "predict", str(bundle), "--stream")
    table = written(tmp_path / "t.csv", ["text,label", "a,x", "b,y", "c,x", "d,y"])
    said = refused(capsys, "fit", str(table), "--beam", "3", "--out", out)
    assert "beam=3 belongs to transduce" in said
