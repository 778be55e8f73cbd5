"""The guide to missing values runs as a reader would run it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "tasks" / "missing.md").read_text("utf-8")
COMMAND = "from recurra.cli import main; raise SystemExit(main())"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def blocks(language: str) -> list[str]:
    return [body for name, body in BLOCK.findall(GUIDE) if name == language]


def run(command: list[str], folder: Path) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader's folder: readings with holes; a ward's measurements, one a row, and who died."""
    folder = tmp_path_factory.mktemp("ward")
    rng = np.random.default_rng(0)
    rows, outcomes = ["stay,time,what,reading"], ["stay,died"]
    for stay in range(40):
        ill = stay % 4 == 0
        outcomes.append(f"p{stay},{int(ill)}")
        for minute in np.cumsum(rng.integers(5, 90, 12)):
            for what, level in (("pulse", 110 if ill else 75), ("temp", 39 if ill else 36.6)):
                if rng.random() < 0.6:
                    reading = level + rng.normal(0, 3)
                    rows.append(
                        f"p{stay},{minute // 60:02d}:{minute % 60:02d},{what},{reading:.2f}"
                    )
    (folder / "ward.csv").write_text("\n".join(rows) + "\n", "utf-8")
    (folder / "readings.csv").write_text(
        "id,pulse,temp,state\na,75,,ok\na,,36.5,ok\nb,110,,ill\nb,108,39.1,ill\n", "utf-8"
    )
    (folder / "outcomes.csv").write_text("\n".join(outcomes) + "\n", "utf-8")
    return folder


def test_the_commands_run_in_their_order(folder: Path) -> None:
    commands = [
        shlex.split(line)
        for block in blocks("bash")
        for line in block.splitlines()
        if line.startswith("recurra ")
    ]
    assert [command[1] for command in commands] == ["init", "fit", "evaluate", "predict"]
    said = {}
    for command in commands:
        said[command[1]] = run([sys.executable, "-c", COMMAND, *command[1:]], folder)
    assert "missing values: " in said["init"]
    assert "missing='decay' stands in for them" in said["fit"]
    assert "auc" in said["evaluate"]
    assert len((folder / "answers.csv").read_text("utf-8").splitlines()) == 41


def test_the_programs_run_in_their_order(folder: Path) -> None:
    programs = blocks("python")
    assert len(programs) == 2
    for program in programs:
        run([sys.executable, "-W", "error", "-c", program], folder)


def test_each_strategy_has_its_row() -> None:
    from recurra.spec.settings import DataSettings

    heading, *named = re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE)
    assert heading == "missing"
    field = DataSettings.model_fields["missing"]
    assert tuple(named) == ("auto", "mean", "last", "linear", "mask", "decay")
    assert set(named) == set(field.annotation.__args__)
