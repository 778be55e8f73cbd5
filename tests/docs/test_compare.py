"""The guide to comparing runs as a reader would run it, and its pictures are there."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "compare.md").read_text("utf-8")
COMMAND = "from recurra.cli import main; raise SystemExit(main())"
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def blocks(language: str) -> list[str]:
    return [body for name, body in BLOCK.findall(GUIDE) if name == language]


def run(command: list[str], folder: Path) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader's folder with sequences of two states."""
    folder = tmp_path_factory.mktemp("reader")
    rng = np.random.default_rng(0)
    lines = ["id,heat,flow,state"]
    for case in range(40):
        speed, phase = (0.3, 0.9)[case % 2], rng.uniform(0, 6)
        for t in range(int(rng.integers(6, 10))):
            heat, flow = np.sin(speed * t + phase), np.cos(speed * t + phase)
            lines.append(f"{case},{heat:.4f},{flow:.4f},{('ok', 'hot')[case % 2]}")
    (folder / "readings.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


@pytest.mark.deep
def test_the_commands_and_the_program_run_as_printed(folder: Path) -> None:
    commands = [
        shlex.split(line)
        for block in blocks("bash")
        for line in block.splitlines()
        if line.startswith("recurra ")
    ]
    assert [command[1] for command in commands] == ["compare", "compare", "compare", "find-lr"]
    told = [run([sys.executable, "-c", COMMAND, *command[1:]], folder) for command in commands]
    assert [len(entry["seeds"]) for entry in json.loads(told[1])["results"]] == [4] * 4
    assert (folder / "runs" / "which" / "curves.svg").is_file()
    assert (folder / "runs" / "curve.svg").is_file()
    (program,) = blocks("python")
    assert "has the best accuracy" in run([sys.executable, "-W", "error", "-c", program], folder)


def test_every_picture_is_there() -> None:
    named = re.findall(r"!\[.+?\]\((.+?)\)", GUIDE)
    assert len(named) == 2
    for name in named:
        assert (ROOT / "docs" / name).read_text("utf-8").startswith("<svg")


def test_the_keys_that_are_named_are_the_reports() -> None:
    from recurra.spec.report import CellResult, Comparison, Difference

    section = GUIDE.split("### What the JSON holds")[1].split("## Find")[0]
    known = {*CellResult.__annotations__, *Comparison.__annotations__, *Difference.__annotations__}
    named = set(re.findall(r"`(\w+)`", section))
    assert named <= known
    assert set(CellResult.__annotations__) - {"epochs"} <= named
