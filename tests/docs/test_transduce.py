"""Every command and program of docs/tasks/transduce.md runs as a reader would run it."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = (Path(__file__).resolve().parents[2] / "docs/tasks/transduce.md").read_text("utf-8")
COMMAND = "from recurra.cli import main; raise SystemExit(main())"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def blocks(language: str) -> list[str]:
    return [body for name, body in BLOCK.findall(GUIDE) if name == language]


def run(command: list[str], folder: Path) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_commands_run_in_their_order(tmp_path: Path) -> None:
    """From a file of pairs to answers with all hypotheses."""
    generator = random.Random(0)
    words = ["".join(generator.choices("abc", k=generator.randint(1, 5))) for _ in range(120)]
    lines = [f"{word}\t{' '.join(word.replace('c', 'k'))}" for word in words]
    (tmp_path / "words.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    commands = [
        shlex.split(line, comments=True)
        for block in blocks("bash")
        for line in block.splitlines()
        if line.startswith("recurra ")
    ]
    assert [command[1] for command in commands] == [
        "fit",
        "evaluate",
        "predict",
        "attention",
        "info",
    ]
    shown = [run([sys.executable, "-c", COMMAND, *c[1:]], tmp_path) for c in commands]
    assert "word_error_rate" in shown[1]
    assert "--stream" not in shown[0]
    written = (tmp_path / "answers.jsonl").read_text("utf-8").splitlines()
    answers = [json.loads(line) for line in written]
    assert len(answers) == len(words)
    assert len(answers[0]["hypotheses"]) == 5
    assert answers[0]["prediction"] == answers[0]["hypotheses"][0]["text"]


def test_the_programs_run_in_their_order(tmp_path: Path) -> None:
    """Learn, look, save; then load without torch."""
    pytest.importorskip("matplotlib")
    programs = blocks("python")
    assert len(programs) == 2
    shown = [run([sys.executable, "-W", "error", "-c", p], tmp_path) for p in programs]
    assert (tmp_path / "attention.png").stat().st_size > 1000
    assert "['a b a'] 1.0" in shown[0]
    assert "('x',)" in shown[1]
    check = "import sys; assert 'torch' not in sys.modules"
    run([sys.executable, "-c", f"{programs[1]}\n{check}"], tmp_path)
