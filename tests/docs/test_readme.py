"""Every command and every program that the documents show is run as a reader would run it."""

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
README = (ROOT / "README.md").read_text("utf-8")
# The installed `recurra` script in one line, so that the checkout is tested wherever it lies.
COMMAND = "from recurra.cli import main; raise SystemExit(main())"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def blocks(language: str, text: str = README) -> list[str]:
    return [body for name, body in BLOCK.findall(text) if name == language]


def run(command: list[str], folder: Path) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader's folder with the `readings.csv` that the README speaks of."""
    folder = tmp_path_factory.mktemp("reader")
    rng = np.random.default_rng(0)
    lines = ["id,heat,flow,state"]
    for case in range(40):
        slow = case % 2 == 0
        phase = rng.uniform(0, 6)
        for t in range(int(rng.integers(15, 25))):
            angle = (0.3 if slow else 0.7) * t + phase
            lines.append(
                f"{case},{np.sin(angle):.4f},{np.cos(angle):.4f},{'ok' if slow else 'hot'}"
            )
    (folder / "readings.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def test_the_python_examples_run_in_their_order(folder: Path) -> None:
    """The README's programs run one after another in one folder, as printed."""
    programs = blocks("python")
    assert len(programs) == 3
    for program in programs:
        run([sys.executable, "-W", "error", "-c", program], folder)


def test_the_commands_run_in_their_order(folder: Path) -> None:
    """The README's `recurra` commands run one after another in one folder, as printed."""
    commands = [
        shlex.split(line, comments=True)
        for block in blocks("bash")
        for line in block.splitlines()
        if line.startswith("recurra ")
    ]
    assert [command[1] for command in commands] == ["init", "fit", "evaluate", "predict", "info"]
    for command in commands:
        run([sys.executable, "-c", COMMAND, *command[1:]], folder)
    predictions = (folder / "predictions.csv").read_text("utf-8").splitlines()
    assert len(predictions) == 41


def test_make_has_the_targets_that_the_documents_name() -> None:
    """Each `make` command in README and CONTRIBUTING is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = set()
    for text in (README, (ROOT / "CONTRIBUTING.md").read_text("utf-8")):
        for block in blocks("bash", text):
            named |= set(re.findall(r"^make ([\w-]+)", block, re.MULTILINE))
    assert {"demo", "test", "test-deep"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_links_lead_somewhere() -> None:
    """Each file that a document links to or names with its folder exists."""
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        text = document.read_text("utf-8")
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
        for target in re.findall(
            r"`((?:docs|tests|src|native|examples|benchmarks)/[\w./-]+)`", text
        ):
            assert (ROOT / target).exists(), f"{document.name}: {target}"
