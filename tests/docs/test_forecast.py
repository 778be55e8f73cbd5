"""The guide to forecasting shows commands and programs that run as printed."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recurra.spec.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "tasks" / "forecast.md").read_text("utf-8")
COMMAND = "from recurra.cli import main; raise SystemExit(main())"


def block(language: str) -> str:
    return GUIDE.split(f"```{language}\n")[1].split("```")[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A reader's folder with the `load.csv` that the guide speaks of."""
    hours = np.arange(400)
    load = 10 + 3 * np.sin(2 * np.pi * hours / 24) + np.random.default_rng(0).normal(0, 0.1, 400)
    times = np.datetime64("2024-01-01T00") + hours
    rows = [f"{time},{value:.3f}\n" for time, value in zip(times, load, strict=True)]
    (tmp_path / "load.csv").write_text("time,load\n" + "".join(rows), "utf-8")
    return tmp_path


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def test_the_commands_run_in_their_order(folder: Path) -> None:
    said = [
        run(folder, sys.executable, "-c", COMMAND, *shlex.split(line)[1:])
        for line in block("bash").splitlines()
    ]
    assert "seasonal naive" in said[0]
    assert "last value" in said[1]
    answers = (folder / "next.csv").read_text("utf-8").splitlines()
    assert answers[0] == "id,step,time,load"
    assert answers[1].startswith("0,1,2024-01-17T16:00:00,")
    assert len(answers) == 25
    (shorter,) = json.loads(said[3])["answers"]
    assert shorter["forecast"]["load"] == [float(line.split(",")[3]) for line in answers[1:7]]


def test_the_program_runs(tmp_path: Path) -> None:
    said = run(tmp_path, sys.executable, "-W", "error", "-c", block("python"))
    assert said.splitlines()[0] == "(24, 1)"


def test_the_settings_are_those_that_there_are() -> None:
    names = [line.split("`")[1] for line in GUIDE.splitlines() if line.startswith("| `")]
    assert set(names) <= set(Settings().flat())
    assert {"horizon", "lookback", "segment", "scaling", "normalise"} <= set(names)
