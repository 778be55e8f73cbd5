"""A bundle that goes on learning is replaced by a better one only, and can be rolled back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import runtime
from recurra.cli import main
from recurra.cli.continued import before

FAST = ["--quiet", "--threads", "1", "--epochs", "12", "--batch-size", "16"]


def write(path: Path, cases: int, seed: int, turned: bool = False) -> Path:
    """Series whose mean tells the class, or, turned, the other one: a regime that changes."""
    random = np.random.default_rng(seed)
    lines = []
    for k in range(cases):
        label, mean = ("up", 1.0) if k % 2 else ("down", -1.0)
        x = random.normal(-mean if turned else mean, 1.0, (int(random.integers(5, 9)), 1))
        lines.append(json.dumps({"x": x.round(4).tolist(), "y": label}))
    path.write_text("\n".join(lines) + "\n")
    return path


def accuracy(bundle: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> float:
    capsys.readouterr()
    assert main(["evaluate", str(bundle), str(data), "--json"]) == 0
    return float(json.loads(capsys.readouterr().out)["accuracy"])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    out = tmp_path / "model"
    data = write(tmp_path / "first.jsonl", 60, 0)
    assert main(["fit", str(data), "--hidden", "6", *FAST, "--out", str(out)]) == 0
    return out


def test_a_regime_that_changes_is_followed_and_can_be_rolled_back(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = write(tmp_path / "more.jsonl", 120, 1, turned=True)
    test = write(tmp_path / "test.jsonl", 100, 2, turned=True)
    old, poor = runtime.load(bundle).fingerprint, accuracy(bundle, test, capsys)
    arguments = ["fit", str(bundle), str(more), "--continue", *FAST, "--learning-rate", "0.02"]
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept"] is False
    assert accuracy(bundle, test, capsys) > poor + 0.3
    assert runtime.load(before(bundle)).fingerprint == old
    new = runtime.load(bundle).fingerprint
    said = []
    # Back, and forth again: what is said is true of both.
    for fingerprint in (old, new):
        assert main(["fit", str(bundle), "--roll-back"]) == 0
        assert runtime.load(bundle).fingerprint == fingerprint
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert f"{bundle} and {before(bundle)} have changed places" in said[0]


@pytest.mark.parametrize("renames", [1, 2])
def test_a_roll_back_that_was_killed_is_finished(bundle: Path, renames: int) -> None:
    """By the next command, whichever rename was the last."""
    aside = bundle.with_name("model.aside")
    shutil.copytree(bundle, before(bundle))
    card = before(bundle) / "README.md"
    card.write_text("former")
    bundle.rename(aside)
    if renames == 2:
        before(bundle).rename(bundle)
    assert main(["fit", str(bundle), "--roll-back"]) == 0
    assert (bundle / "README.md").read_text() == "former"
    assert (before(bundle) / "README.md").read_text() != "former"
    assert not aside.exists()
    assert main(["fit", str(bundle), "--roll-back"]) == 0
    assert (bundle / "README.md").read_text() != "former"


def test_continuing_finishes_a_roll_back_first(bundle: Path, tmp_path: Path) -> None:
    more = write(tmp_path / "more.jsonl", 20, 1)
    shutil.copytree(bundle, before(bundle))
    bundle.rename(bundle.with_name("model.aside"))
    out = tmp_path / "new"
    assert main(["fit", str(bundle), str(more), "--continue", *FAST, "--out", str(out)]) == 0
    assert runtime.load(bundle).fingerprint == runtime.load(before(bundle)).fingerprint


def test_a_bundle_that_is_no_worse_stays(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels that are wrong teach nothing that holds on sequences that are labelled rightly."""
    wrong = write(tmp_path / "wrong.jsonl", 40, 1, turned=True)
    right = write(tmp_path / "right.jsonl", 60, 2)
    old = (bundle / "manifest.json").read_bytes()
    arguments = [str(bundle), str(wrong), "--continue", "--valid", str(right), *FAST]
    arguments += ["--learning-rate", "0.3", "--warmup", "0"]
    assert main(["fit", *arguments]) == 0
    assert "stays as it is" in capsys.readouterr().out
    assert (bundle / "manifest.json").read_bytes() == old
    assert not before(bundle).exists()


def test_a_folder_of_its_own_leaves_the_bundle(bundle: Path, tmp_path: Path) -> None:
    more = write(tmp_path / "more.jsonl", 120, 1, turned=True)
    old = (bundle / "manifest.json").read_bytes()
    out = tmp_path / "new"
    arguments = ["fit", str(bundle), str(more), "--continue", *FAST, "--out", str(out)]
    assert main([*arguments, "--learning-rate", "0.02"]) == 0
    assert (bundle / "manifest.json").read_bytes() == old
    assert runtime.load(out).fingerprint != runtime.load(bundle).fingerprint


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{bundle}", "{more}", "--continue", "--hidden", "9"], "hidden cannot be chosen"),
        (["{bundle}", "{more}"], "with --continue"),
        (["{bundle}", "--continue"], "with --continue"),
        (["{bundle}", "--roll-back"], "does not exist"),
        (["{bundle}", "{more}", "--roll-back"], "nothing else"),
        (["{bundle}", "{more}", "--continue", "--roll-back"], "nothing else"),
        (["{bundle}", "--roll-back", "--out", "elsewhere"], "nothing else"),
        (["{bundle}", "{other}", "--continue", *FAST], "label"),
        (["{more}", "{more}", "--continue", *FAST], "bundle"),
    ],
)
def test_what_does_not_go_together_is_refused(
    bundle: Path,
    tmp_path: Path,
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    more = write(tmp_path / "more.jsonl", 20, 1)
    other = tmp_path / "other.jsonl"
    other.write_text(more.read_text().replace("up", "sideways"))
    old = (bundle / "manifest.json").read_bytes()
    given = [a.format(bundle=bundle, more=more, other=other) for a in arguments]
    assert main(["fit", *given]) == 2
    assert words in capsys.readouterr().err
    assert (bundle / "manifest.json").read_bytes() == old


def test_a_bundle_that_was_replaced_meanwhile_stays(
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of two trainings that go on from one bundle, the later one does not undo the earlier."""
    from recurra.train import fit as training

    other = tmp_path / "other"
    data = write(tmp_path / "others.jsonl", 60, 5)
    assert main(["fit", str(data), "--hidden", "6", *FAST, "--out", str(other)]) == 0
    more = write(tmp_path / "more.jsonl", 120, 1, turned=True)
    real = training.fit_cases

    def meanwhile(*given: Any, **options: Any) -> Any:
        fitted = real(*given, **options)
        shutil.rmtree(bundle)
        shutil.copytree(other, bundle)
        return fitted

    monkeypatch.setattr(training, "fit_cases", meanwhile)
    arguments = ["fit", str(bundle), str(more), "--continue", *FAST, "--learning-rate", "0.02"]
    assert main(arguments) == 2
    assert "was replaced by another training meanwhile" in capsys.readouterr().err
    assert runtime.load(bundle).fingerprint == runtime.load(other).fingerprint
