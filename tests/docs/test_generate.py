"""Every command and program of docs/tasks/generate.md runs as a reader would run it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

GUIDE = (Path(__file__).resolve().parents[2] / "docs/tasks/generate.md").read_text("utf-8")
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
    """From a text to its continuation."""
    text = "the cat sat on the mat. the dog sat on the log. " * 20
    (tmp_path / "corpus.txt").write_text(text, "utf-8")
    commands = [
        shlex.split(line, comments=True)
        for block in blocks("bash")
        for line in block.splitlines()
        if line.startswith("recurra ")
    ]
    names = ["fit", "evaluate", "generate", "generate", "predict", "info"]
    assert [command[1] for command in commands] == names
    shown = [run([sys.executable, "-c", COMMAND, *c[1:]], tmp_path) for c in commands]
    assert "perplexity" in shown[1]
    assert len(shown[2].rstrip("\n")) == 60
    found = json.loads(shown[3])
    assert found["scores"] == sorted(found["scores"], reverse=True)
    assert json.loads((tmp_path / "likelihood.jsonl").read_text("utf-8"))["steps"] == len(text)


def test_the_programs_run_in_their_order(tmp_path: Path) -> None:
    """Learn, score, write; then load without torch."""
    programs = blocks("python")
    assert len(programs) == 3
    for program in programs:
        run([sys.executable, "-W", "error", "-c", program], tmp_path)
    check = "import sys; assert not {'torch', 'tokenizers'} & set(sys.modules)"
    run([sys.executable, "-c", f"{programs[2]}\n{check}"], tmp_path)
