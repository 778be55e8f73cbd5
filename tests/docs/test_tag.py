"""Every command and program of docs/tasks/tag.md runs as a reader would run it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

GUIDE = (Path(__file__).resolve().parents[2] / "docs/tasks/tag.md").read_text("utf-8")
COMMAND = "from recurra.cli import main; raise SystemExit(main())"
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def blocks(language: str) -> list[str]:
    return [body for name, body in BLOCK.findall(GUIDE) if name == language]


def run(command: list[str], folder: Path, given: str | None = None) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=folder, input=given, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_commands_run_in_their_order(tmp_path: Path) -> None:
    """From a tagged file to answers, and to a stream with its lag."""
    (file,) = blocks("")
    (tmp_path / "people.bio").write_text(f"{file}\n" * 20, "utf-8")
    commands = [
        shlex.split(line, comments=True)
        for block in blocks("bash")
        for line in block.splitlines()
        if line.startswith("recurra ")
    ]
    names = ["fit", "evaluate", "predict", "predict", "info"]
    assert [command[1] for command in commands] == names
    shown = [run([sys.executable, "-c", COMMAND, *c[1:]], tmp_path) for c in commands]
    assert "entity_f1" in shown[1]
    assert "PER" in shown[1]
    first = json.loads((tmp_path / "answers.jsonl").read_text("utf-8").splitlines()[0])
    assert len(first["tags"]) == 4
    rows = (tmp_path / "answers.csv").read_text("utf-8").splitlines()
    assert (rows[0], len(rows)) == ("id,step,tag", 1 + 20 * 6)
    stream = [sys.executable, "-c", COMMAND, "predict", "people", "--stream"]
    lines = run(stream, tmp_path, '"Anna"\n"Lee"\n{"x": "Bo", "restart": true}\n').splitlines()
    assert [json.loads(line)["step"] for line in lines] == [None, 0, 1, None, 0]


def test_the_programs_run_in_their_order(tmp_path: Path) -> None:
    """Learn, answer, write; then load and stream without torch."""
    programs = blocks("python")
    assert len(programs) == 2
    run([sys.executable, "-W", "error", "-c", programs[0]], tmp_path)
    check = "import sys; assert 'torch' not in sys.modules"
    shown = run([sys.executable, "-W", "error", "-c", f"{programs[1]}\n{check}"], tmp_path)
    assert "TagAt(step=0" in shown
