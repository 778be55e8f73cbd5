"""`fit` makes a bundle from a file, says what it did, and loses nothing that stood there before."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from recurra import runtime
from recurra.cli import app, main
from recurra.spec.report import FitReport

Capture = pytest.CaptureFixture[str]


def fit(table: Path, out: Path, roles: list[str], small: list[str], *more: str) -> int:
    return main(["fit", str(table), *roles, *small, "--out", str(out), *more])


def test_json_is_one_object_and_nothing_else(
    table: Path, tmp_path: Path, capsys: Capture, roles: list[str], small: list[str]
) -> None:
    assert fit(table, tmp_path / "b", roles, small, "--json") == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert set(report) == set(FitReport.__annotations__)
    assert (report["task"], report["cell"], report["epochs"]) == ("classify", "gru", 2)
    assert report["bundle"] == str(tmp_path / "b")
    assert "epoch 2/2" in err
    assert runtime.load(tmp_path / "b").labels == ("high", "low")


def test_the_summary_says_what_to_run_next(
    table: Path, tmp_path: Path, capsys: Capture, roles: list[str], small: list[str]
) -> None:
    assert fit(table, tmp_path / "b", roles, small, "--quiet") == 0
    out, err = capsys.readouterr()
    assert err == ""
    for command in ("evaluate", "predict", "info"):
        assert f"recurra {command} {tmp_path / 'b'}" in out
    assert "--stream" in out
    assert fit(table, tmp_path / "both", roles, small, "--quiet", "--bidirectional") == 0
    assert "--stream" not in capsys.readouterr().out
    assert fit(table, tmp_path / "line", roles, small, "--quiet", "--missing", "linear") == 0
    assert "--stream" not in capsys.readouterr().out


def test_a_column_that_is_not_read_is_named(
    table: Path, tmp_path: Path, capsys: Capture, roles: list[str], small: list[str]
) -> None:
    """Decimal commas make a column a text: it must not vanish in silence."""
    head, *rows = table.read_text().splitlines()
    odd = tmp_path / "odd.csv"
    odd.write_text("\n".join([f"{head},heat", *(f'{row},"1,5"' for row in rows)]) + "\n")
    assert fit(odd, tmp_path / "b", roles, small) == 0
    assert "look at: not read, because not numeric or without a role: heat" in (
        capsys.readouterr().err
    )


def test_settings_come_from_the_file_and_from_flags(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", str(table), "--time", "second"]) == 0
    assert main(["fit", str(table), "--epochs", "1", "--cell", "rnn", "--json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out.splitlines()[-1])
    assert (report["cell"], report["epochs"]) == ("rnn", 1)
    assert report["bundle"] == str(Path("runs") / table.stem)
    assert "settings from recurra.toml" in err


def test_an_existing_bundle_is_kept_or_replaced_whole(
    table: Path, tmp_path: Path, capsys: Capture, roles: list[str], small: list[str]
) -> None:
    out = tmp_path / "b"
    assert fit(table, out, roles, small, "--quiet") == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert fit(table, out, roles, small, "--quiet", "--cell", "rnn") == 2
    assert "--force" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert fit(table, out, roles, small, "--quiet", "--cell", "rnn", "--force") == 0
    assert "rnn" in json.loads((out / "manifest.json").read_text())["graphs"]["main"].__repr__()


def test_resume_begins_where_nothing_is_and_ends_the_same(
    table: Path, tmp_path: Path, capsys: Capture, roles: list[str], small: list[str]
) -> None:
    assert fit(table, tmp_path / "a", roles, small, "--quiet") == 0
    assert fit(table, tmp_path / "b", roles, small, "--quiet", "--resume") == 0
    assert fit(table, tmp_path / "b", roles, small, "--quiet", "--resume") == 0
    weights = [next((tmp_path / n).glob("weights-*")).name for n in "ab"]
    assert weights[0] == weights[1]


def test_held_out_sequences_from_a_file(
    table: Path, tmp_path: Path, capsys: Capture, roles: list[str], small: list[str]
) -> None:
    assert fit(table, tmp_path / "b", roles, small, "--valid", str(table), "--quiet") == 0
    assert fit(table, tmp_path / "c", roles, small, "--valid", "nowhere.csv", "--quiet") == 2
    assert "nowhere.csv" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


def test_ctrl_c_saves_the_best_so_far_and_says_how_to_go_on(
    table: Path, tmp_path: Path, roles: list[str], capsys: Capture
) -> None:
    """What is printed is the whole command: it runs as it stands, and ends the training."""
    out = tmp_path / "b"
    flags = ["--task", "classify", "--hidden", "4", "--epochs", "300", "--patience", "0"]
    arguments = ["fit", str(table), *roles, *flags, "--threads", "1", "--out", str(out)]
    run = f"import sys; from recurra.cli import main; sys.exit(main({arguments!r}))"
    process = subprocess.Popen(
        [sys.executable, "-c", run],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch"):
            process.send_signal(signal.SIGINT)
            break
    said, complained = process.communicate(timeout=60)
    assert process.returncode == app.INTERRUPTED
    assert "Traceback" not in complained
    assert "interrupted" in complained
    assert runtime.load(out).labels == ("high", "low")
    (line,) = (line for line in said.splitlines() if "--resume" in line)
    command, _, what = line.rpartition("   ")
    assert what == "goes on"
    capsys.readouterr()
    assert main([*shlex.split(command)[1:], "--json"]) == 0
    shown = capsys.readouterr()
    assert "goes on at epoch" in shown.err
    assert json.loads(shown.out)["epochs"] == 300
