"""`find-lr` draws a curve and names a rate, or says in one sentence why it cannot."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from recurra.cli import main
from recurra.spec.report import RangeTest

Capture = pytest.CaptureFixture[str]
SMALL = ["--hidden", "8", "--threads", "1", "--steps", "60", "--highest", "3"]


def test_it_names_a_rate_and_what_to_run_next(
    table: Path,
    tmp_path: Path,
    roles: list[str],
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "new" / "curve.svg"
    assert main(["find-lr", str(table), *roles, *SMALL, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "falls fastest at a learning rate of" in printed
    assert out.read_text().startswith("<svg")
    assert main(["find-lr", str(table), *roles, *SMALL, "--out", str(out)]) == 2
    assert "--force replaces it" in capsys.readouterr().err
    command = next(line for line in printed.splitlines() if line.startswith("  recurra fit"))
    # The line runs as it is printed.
    monkeypatch.chdir(tmp_path)
    assert main([*shlex.split(command)[1:], "--epochs", "1", "--out", "made"]) == 0
    settings = json.loads((tmp_path / "made" / "manifest.json").read_text())
    assert settings["task"] == "classify"


def test_json_is_one_object(
    table: Path,
    tmp_path: Path,
    roles: list[str],
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["find-lr", str(table), *roles, *SMALL, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == set(RangeTest.__annotations__)
    assert (tmp_path / "runs" / "waves-find-lr.svg").is_file()


def test_a_loss_that_never_falls_is_told(
    table: Path, tmp_path: Path, roles: list[str], capsys: Capture
) -> None:
    """So small a rate teaches nothing in so few steps."""
    out = str(tmp_path / "c.svg")
    still = ["--lowest", "1e-12", "--highest", "1e-11", "--steps", "10", "--dropout", "0"]
    more = ["--batch-size", "999", "--hidden", "4", "--out", out]
    assert main(["find-lr", str(table), *roles, *still, *more]) == 0
    assert "no learning rate can be recommended: the loss never falls" in capsys.readouterr().out


def test_few_steps_recommend_nothing(
    table: Path, tmp_path: Path, roles: list[str], capsys: Capture
) -> None:
    few = ["--steps", "4", "--hidden", "4", "--out", str(tmp_path / "c.svg")]
    assert main(["find-lr", str(table), *roles, *few]) == 0
    printed = capsys.readouterr().out
    assert "no learning rate can be recommended: 4 steps are too few" in printed
    assert "recurra fit" not in printed


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--out", "curve.png"], ".svg"),
        (["--steps", "1"], "at least 2 steps"),
        (["--lowest", "2", "--highest", "1"], "expected 0 < lowest < highest"),
        (["--lowest", "1", "--highest", "1"], "rises from --lowest to --highest"),
        (["--lowest", "0"], "both finite, got 0 and 1"),
        (["--lowest", "1", "--highest", "inf"], "both finite"),
        (
            ["--learning-rate", "1"],
            "unknown flag --learning-rate; recurra fit takes it, recurra find-lr does not",
        ),
        (["--decay-epochs", "3"], "recurra find-lr does not"),
        (["--hiden", "3"], "did you mean --hidden?"),
    ],
)
def test_refusals_are_one_sentence(
    wrong: list[str], said: str, table: Path, roles: list[str], capsys: Capture
) -> None:
    assert main(["find-lr", str(table), *roles, *wrong]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.strip().splitlines()) == 1
