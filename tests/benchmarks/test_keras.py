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
from benchmarks.keras import BACKENDS, CASES, LONG, below, contender
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
    done = subprocess.run(run, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    # So small a shape has no floor worth the name, but what falls below is said.
    assert ("below" in done.stdout) == (done.returncode == 1)
    (record,) = json.loads(file.read_bytes())["records"]
    assert record["case"] == "torch: gru-before-training"
    assert set(record["peers_s"]) == {"keras"}
    assert BACKENDS == ("torch", "jax", "tensorflow")


def test_a_backend_that_is_missing_or_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    """What is not installed is said; a process that ends early leaves what it had measured."""
    flags = ["--threads", "1", "--quick", "--case", "rnn-training", "--shape", "2,3,2,4"]
    run = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        PROGRAM,
        *flags,
        "--json",
        str(tmp_path / "k.json"),
    ]
    done = subprocess.run(run, check=False, cwd=ROOT, capture_output=True, text=True)
    assert "tensorflow is not installed: left out" in done.stdout
    assert "jax ended with status 3 after 0 rows" in done.stdout
    assert done.returncode == 1
    (record,) = json.loads((tmp_path / "k.json").read_bytes())["records"]
    assert record["case"] == "torch: rnn-training"


PROGRAM = """
import importlib.util, subprocess
from types import SimpleNamespace
from benchmarks import keras
find, run = importlib.util.find_spec, subprocess.run
importlib.util.find_spec = lambda name: None if name == "tensorflow" else find("json")
def one(command, env, check):
    if env["KERAS_BACKEND"] == "jax":
        return SimpleNamespace(returncode=3)
    return run(command, env=env, check=check)
subprocess.run = one
keras.main()
"""


def test_the_floors_are_those_of_training_on_torch() -> None:
    def record(case: str, shape: tuple[int, int, int, int], ratio: float) -> harness.Record:
        taken = {who: harness.Timing(ratio if who == "keras" else 1.0, (1, 1), 1) for who in WHO}
        return harness.record(
            case, shape, ours="x", threads=1, timings=taken, errors=dict.fromkeys(WHO, 0), memory={}
        )

    short = (32, 100, 64, 128)
    records = [
        record("torch: gru-training", LONG, 4.9),
        record("torch: gru-before-training", LONG, 5.1),
        record("torch: gru-training", short, 1.1),
        record("torch: gru-inference", LONG, 0.99),
        record("jax: gru-training", LONG, 0.98),
    ]
    lost = below(records)
    assert [text.split(":")[1].split()[0] for text in lost] == ["gru-training", "gru-inference"]
    assert "4.90 times as fast as Keras, below 5" in lost[0]


WHO = ("ours", "keras")
