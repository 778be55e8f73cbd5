"""One small file of sequences and one bundle made from it, shared by the tests of all commands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recurra.cli import main

# A training of a second or so; `make test` has better things to wait for.
SMALL = ["--hidden", "8", "--epochs", "2", "--threads", "1", "--learning-rate", "0.02"]


def waves(cases: int, seed: int) -> str:
    """A long table: slow waves are "low", fast ones "high"; two channels, 8 to 14 steps."""
    random = np.random.default_rng(seed)
    lines = ["case,second,left,right,pitch"]
    for case in range(cases):
        label, speed = (("low", 0.3), ("high", 1.2))[case % 2]
        steps = np.arange(random.integers(8, 15))
        left = np.sin(speed * steps + random.normal())
        right = np.cos(speed * steps) + 0.1 * random.normal(size=len(steps))
        lines += [
            f"c{case},{step},{a:.4f},{b:.4f},{label}"
            for step, a, b in zip(steps, left, right, strict=True)
        ]
    return "\n".join(lines) + "\n"


ROLES = ["--id", "case", "--time", "second", "--target", "pitch"]


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of 24 labelled sequences."""
    path = tmp_path_factory.mktemp("table") / "waves.csv"
    path.write_text(waves(24, 0))
    return path


@pytest.fixture(scope="session")
def bundle(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle that `recurra fit` makes of it."""
    out = tmp_path_factory.mktemp("bundle") / "waves"
    assert main(["fit", str(table), *ROLES, *SMALL, "--quiet", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="session")
def roles() -> list[str]:
    """The flags that say what the table's columns are."""
    return ROLES


@pytest.fixture(scope="session")
def small() -> list[str]:
    """The flags of a small training."""
    return SMALL


@pytest.fixture(scope="session")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JSONL of 24 sequences, each with its mean as the number to predict."""
    random = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("numbers") / "means.jsonl"
    cases = [random.normal(size=(random.integers(5, 9), 2)).round(3) for _ in range(24)]
    lines = [json.dumps({"x": x.tolist(), "y": float(x.mean())}) for x in cases]
    path.write_text("\n".join(lines) + "\n")
    return path
