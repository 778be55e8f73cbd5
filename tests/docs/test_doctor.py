"""The page of the doctor: its commands run and say what they promise; its table is the rules'."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from recurra.cli import main
from recurra.train.doctor.finding import LATE, RANKS

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "doctor.md").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A reader's folder with sequences of two states."""
    random = np.random.default_rng(0)
    lines = ["id,heat,state"]
    for case in range(80):
        for _ in range(8):
            lines.append(f"{case},{random.normal() + 2 * (case % 2):.4f},{('ok', 'hot')[case % 2]}")
    (tmp_path / "readings.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return tmp_path


def test_the_commands_run_as_printed(folder, monkeypatch, capsys) -> None:
    monkeypatch.chdir(folder)
    (block,) = re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL)
    told = []
    for line in block.splitlines():
        words = shlex.split(line)[1:]
        assert main([*words, "--threads", "1"] if words[0] == "fit" else words) == 0
        told.append(capsys.readouterr().out)
    assert "learning rate low" in told[1]
    assert json.loads(told[2])["findings"][0]["name"] == "learning_rate_low"
    assert "nothing found that looks wrong" in told[4]


def test_the_table_has_every_finding_with_its_rank() -> None:
    rows = re.findall(r"^\| (\d+) \| `?(\w*)`? ?\|", GUIDE, re.MULTILINE)
    assert {name: int(rank) for rank, name in rows if name} == dict(RANKS)
    assert [int(rank) for rank, name in rows if not name] == [LATE]
    assert [int(rank) for rank, _ in rows] == sorted((int(r) for r, _ in rows), reverse=True)
