"""The programs and commands of docs/convert.md and docs/keras.md run as they stand there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recurra import SequenceClassifier

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
COMMAND = "from recurra.cli import main; raise SystemExit(main())"


def run(arguments: list[str], folder: Path) -> None:
    command = [sys.executable, "-W", "ignore", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "KERAS_BACKEND": "torch"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", ["convert", "keras"])
def test_what_the_page_shows_runs(page: str, tmp_path: Path) -> None:
    """In the order of the page, in one folder, with the bundle that it speaks of."""
    random = np.random.default_rng(0)
    model = SequenceClassifier(hidden=4, epochs=1) if page == "convert" else None
    if model is not None:
        model.fit(random.normal(size=(20, 6, 2)), ["a", "b"] * 10)
        (tmp_path / "models").mkdir()
        model.save(tmp_path / "models" / "readings")
    blocks = BLOCK.findall((DOCS / f"{page}.md").read_text("utf-8"))
    assert blocks
    for language, body in blocks:
        if language == "python":
            run(["-c", body], tmp_path)
        for line in body.splitlines() if language == "bash" else ():
            run(["-c", COMMAND, *shlex.split(line)[1:]], tmp_path)
