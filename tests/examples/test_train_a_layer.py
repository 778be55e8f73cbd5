"""The example of a plain PyTorch loop runs as it stands, and the layer learns."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "train_a_layer.py"


def test_the_layer_learns_to_add(capsys: pytest.CaptureFixture[str]) -> None:
    """The printed loss falls far below 0.167, what the mean alone would reach."""
    seen = runpy.run_path(str(EXAMPLE))["train"](steps=150)
    printed = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()]
    assert printed == [round(loss, 4) for loss in seen]
    assert len(seen) == 3
    assert seen[-1] < 0.06 < 0.15 < seen[0]
