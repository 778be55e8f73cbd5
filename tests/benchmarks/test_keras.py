"""Ours and Keras' own compute the same layer on the backend that is measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import pytest

from benchmarks import harness
from benchmarks.keras import BACKENDS, CASES, contender
from benchmarks.layer import Layer

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras runs on another backend"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.mark.parametrize("case", CASES)
def test_both_are_the_reference(case: str) -> None:
    """Outputs, or the gradients of x and of every weight, back in our layout."""
    family, choices, gradients = CASES[case]
    layer = Layer.random(family, (3, 5, 2, 4), **choices)
    exact = layer.exact(gradients=gradients)
    for who in ("ours", "keras"):
        assert harness.difference(contender(who, layer, gradients).results(), exact) < 1e-5


def test_the_command_runs_and_writes(tmp_path: Path) -> None:
    """One small shape on torch, in its own process; the record says who was measured."""
    file = tmp_path / "k.json"
    flags: list[Any] = ["--threads", "1", "--quick", "--backend", "torch", "--json", file]
    flags += ["--case", "gru-before-training", "--shape", "2,3,2,4"]
    run = [sys.executable, "-W", "ignore", "-m", "benchmarks.keras", *map(str, flags)]
    subprocess.run(run, check=True, cwd=ROOT, capture_output=True)
    (record,) = json.loads(file.read_bytes())["records"]
    assert record["case"] == "torch: gru-before-training"
    assert set(record["peers_s"]) == {"keras"}
    assert BACKENDS == ("torch", "jax", "tensorflow")
