"""The demonstration trains, streams in a process without torch, and leaves what it promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from recurra.spec.report import DemoModel, DemoSummary

ROOT = Path(__file__).resolve().parents[2]


def demo(out: Path, *arguments: str) -> str:
    command = [sys.executable, "examples/demo.py", "--out", str(out), *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def summary_of(out: Path) -> Any:
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert set(summary) == set(DemoSummary.__annotations__)
    assert [model["name"] for model in summary["models"]] == ["rnn", "gru", "lstm"]
    for model in summary["models"]:
        assert set(model) == set(DemoModel.__annotations__)
        assert model["step_us_p50"] > 0
        assert model["fit_seconds"] > 0
    counts = [model["parameters"] for model in summary["models"]]
    assert max(counts) - min(counts) < 0.01 * max(counts)
    assert summary["stream_max_abs_diff"] == 0
    assert summary["runtime_imported_torch"] is False
    return summary


def test_a_short_demonstration(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    out.mkdir()
    (out / "mine.txt").write_text("not the demonstration's")
    (out / "summary.json").write_text("of the run before")
    said = demo(out, "--epochs", "1")
    summary_of(out)
    assert (out / "mine.txt").read_text() == "not the demonstration's"
    assert (out / "stream.png").read_bytes().startswith(b"\x89PNG")
    utterance = (out / "utterance.jsonl").read_text().splitlines()
    assert f"frame {len(utterance):>2}" in said
    assert "most probable" in said
    told = json.loads((out / "stream.json").read_text())
    assert len(told["probabilities"]) == len(utterance)


@pytest.mark.deep
def test_the_whole_demonstration_is_accurate_and_quick(tmp_path: Path) -> None:
    begin = time.monotonic()
    demo(tmp_path / "demo")
    assert time.monotonic() - begin < 180
    accuracy = {m["name"]: m["test_accuracy"] for m in summary_of(tmp_path / "demo")["models"]}
    assert accuracy["gru"] >= 0.955
    assert min(accuracy.values()) >= 0.9


@pytest.mark.deep
def test_reading_both_ways_is_more_accurate_and_cannot_stream(tmp_path: Path) -> None:
    said = demo(tmp_path / "demo", "--bidirectional")
    mean = float(said.split("mean test accuracy over 3 seeds: ")[1].split()[0])
    assert mean >= 0.975
    assert "It cannot stream" in said
