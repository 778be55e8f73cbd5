"""`init` writes down what it found, and what it wrote is what `fit` then reads."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from recurra.cli import main
from recurra.spec.settings import Settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_roles_and_task_are_inferred(
    folder: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(table), "--time", "second"]) == 0
    found = Settings.from_toml(folder / "recurra.toml").data
    assert (found.task, found.id, found.time, found.target) == (
        "classify",
        "case",
        "second",
        "pitch",
    )
    assert found.features == ("left", "right")
    said = capsys.readouterr().out
    assert "24 sequences of 8 to 14 steps" in said
    assert "low (12), high (12)" in said
    assert f"recurra fit {table}" in said


def test_the_settings_are_kept_when_they_are_read_and_written_again(
    folder: Path, table: Path
) -> None:
    assert main(["init", str(table), "--out", "a.toml"]) == 0
    assert Settings.from_toml(folder / "a.toml").training == Settings().training


def test_texts_are_found(folder: Path) -> None:
    Path("t.csv").write_text("text,label\n" + "good day,1\nbad day,0\n" * 12)
    assert main(["init", "t.csv"]) == 0
    found = Settings.from_toml(folder / "recurra.toml").data
    assert (found.task, found.text, found.target, found.features) == (
        "classify",
        "text",
        "label",
        None,
    )


def test_what_to_run_next_can_be_pasted(
    folder: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("my waves.csv").write_text(table.read_text())
    assert main(["init", "my waves.csv"]) == 0
    assert "  recurra fit 'my waves.csv'\n" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no names outside UTF-8")
def test_a_name_outside_utf_8_is_refused(
    folder: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = os.fsdecode(b"w\xff.csv")
    Path(name).write_text(table.read_text())
    assert main(["init", name]) == 2
    assert "rename the file" in capsys.readouterr().err
    assert not (folder / "recurra.toml").exists()


def test_an_existing_file_is_never_overwritten_unasked(
    folder: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("recurra.toml").write_text("mine")
    assert main(["init", str(table)]) == 2
    assert Path("recurra.toml").read_text() == "mine"
    assert "use --force" in capsys.readouterr().err
    assert main(["init", str(table), "--force"]) == 0
    assert Settings.from_toml(Path("recurra.toml")).data.target == "pitch"
