"""The guide to searching runs as printed, and tells every key of the report."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recurra.cli import main
from recurra.spec.report import TunedTrial, Tuning
from recurra.spec.space import DEFAULT_SPACE

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "tune.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_the_commands_and_the_program_run_as_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["id,heat,flow,state"]
    rng = np.random.default_rng(0)
    for case in range(40):
        speed, state, phase = *((0.3, "ok"), (0.9, "hot"))[case % 2], rng.uniform(0, 6)
        lines += [
            f"{case},{np.sin(speed * t + phase):.4f},{np.cos(speed * t):.4f},{state}"
            for t in range(8)
        ]
    (tmp_path / "readings.csv").write_text("\n".join(lines) + "\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    (block,) = blocks("bash")
    told = []
    for line in block.splitlines():
        assert main([*shlex.split(line)[1:], "--quiet"]) == 0
        told.append(capsys.readouterr().out)
    found = json.loads(told[2])
    assert len(found["trials"]) == 5
    assert f"{found['trials'][0]['value']:.4g}" in told[0]
    assert (tmp_path / "runs" / "found" / "manifest.json").is_file()
    assert (tmp_path / "shared.db").is_file()
    (program,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "learning_rate" in done.stdout


def test_every_key_of_the_report_is_told() -> None:
    section = GUIDE.split("## What the JSON holds")[1]
    named = set(re.findall(r"`(\w+)`", section))
    assert named == {*Tuning.__annotations__, *TunedTrial.__annotations__}


def test_what_is_searched_is_told() -> None:
    section = GUIDE.split("## What is searched")[1].split("|")[0]
    assert set(DEFAULT_SPACE) <= set(re.findall(r"`(\w+)`", section))


def test_the_picture_is_there() -> None:
    (name,) = re.findall(r"!\[.+?\]\((.+?)\)", GUIDE)
    assert (ROOT / "docs" / name).read_text("utf-8").startswith("<svg")
