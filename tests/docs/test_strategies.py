"""The guide to strategies runs as printed, and names settings that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from recurra.cli import main
from recurra.spec.settings import Settings, TrainingSettings

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "strategies.md").read_text("utf-8")


def test_the_commands_run_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["id,heat,state"]
    for case in range(40):
        speed = 0.3 if case % 2 else 0.7
        lines += [
            f"{case},{np.sin(speed * t):.4f},{'ok' if case % 2 else 'hot'}" for t in range(12)
        ]
    (tmp_path / "readings.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL)
    commands = [shlex.split(line) for line in block.splitlines()]
    assert len(commands) == 9
    for program, *arguments in commands:
        assert program == "recurra"
        small = [] if "--continue" in arguments else ["--hidden", "4"]
        assert main([*arguments, "--quiet", "--threads", "1", *small]) == 0


def test_the_program_runs_as_printed(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    exec(compile(program, "strategies.md", "exec"), {})
    truths, coverage, _ = capsys.readouterr().out.split()
    assert truths == "200"
    # Of 200 truths, and tracking brings it back to 0.9 wherever it leaves it.
    assert 0.8 < float(coverage) < 0.98


def test_every_flag_is_a_setting() -> None:
    known = set(Settings().flat()) | {"out", "continue", "roll_back", "help", "logdir"}
    known |= {"stream", "adapt", "pending", "help_all"}
    for flag in re.findall(r"--([a-z][a-z0-9-]+)", GUIDE):
        assert flag.replace("-", "_") in known, flag


def test_every_strategy_is_told() -> None:
    """A setting of the training that the guide does not speak of is one that nobody finds."""
    told = set(re.findall(r"[a-z0-9_]+", GUIDE.replace("-", "_")))
    elsewhere = {
        *("epochs", "batch_size", "valid_fraction", "seed", "backend", "threads"),
        *("checkpoint_every", "point_loss", "teacher_forcing", "forcing_schedule"),
        *("window", "transpose", "watch", "track"),
    }
    missing = set(TrainingSettings.model_fields) - told - elsewhere
    assert not missing
