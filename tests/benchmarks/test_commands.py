"""The commands run as they are documented and write the promised JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from benchmarks import layers
from benchmarks.contest import CASES
from benchmarks.harness import Record
from recurra import kernels

ROOT = Path(__file__).resolve().parents[2]
PROMISED = {"case", "shape", "threads", "ours_s", "peers_s", "error", "peer_errors"}


def run(module: str, *arguments: str) -> str:
    """What `python -m module` says."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def records(path: Path) -> list[dict[str, Any]]:
    """The records of a file, each with all its keys."""
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["records"]
    for one in found:
        assert set(one) == {field.name for field in fields(Record)} >= PROMISED
        assert set(one["peers_s"]) == set(one["peer_errors"])
    return found


def test_layers_measures_every_kind_of_case(tmp_path: Path) -> None:
    """Inference, training with its memory, and a step; each peer can be left out."""
    path = tmp_path / "layers.json"
    cases = ["--case", "lstm-inference", "--case", "gru-training", "--case", "gru-step"]
    choices = ["--shape", "2,1,4,5", "--memory", "--without", "openvino", "--without", "keras-jax"]
    named = ["--kernels", kernels.isas()[-1]]
    given = ["--threads", "1", "--quick", "--json", str(path), *cases, *choices, *named]
    shown = run("benchmarks.layers", *given)
    found = records(path)
    assert [one["case"] for one in found] == cases[1::2]
    for one in found:
        assert (one["shape"], one["threads"]) == ([2, 1, 4, 5], 1)
        assert one["ours_s"] > 0
        assert one["error"] < 1e-5
        assert "pytorch" in one["peers_s"]
        assert "openvino" not in one["peers_s"]
        assert one["isa"] == kernels.isas()[-1]
    if sys.platform == "linux":
        assert found[1]["memory_bytes"] >= 0
        assert set(found[1]["peer_memory_bytes"]) == {"pytorch"}
    # A step is no sequence: there is no product as large as it.
    assert [one["sgemm_s"] is None for one in found] == [False, False, True]
    assert [one["gflops"] is None for one in found] == [False, False, True]
    assert json.loads(path.read_text("utf-8"))["machine"]["isa"] == kernels.isas()[-1]
    assert "2, 1, 4, 5" in shown
    assert f"gru-training, {kernels.isas()[-1]}" in shown
    assert "#### gru-step" in run("benchmarks.table", str(path))


def test_training_measures_epochs_from_the_same_weights(tmp_path: Path) -> None:
    """The first epoch's loss of both is that of float64, so both train the same network."""
    path = tmp_path / "training.json"
    given = ["--threads", "1", "--quick", "--case", "fit-tiny", "--json", str(path)]
    assert "epochs a second" in run("benchmarks.training", *given)
    (one,) = records(path)
    assert one["case"] == "fit-tiny"
    assert one["error"] < 1e-5
    assert one["peer_errors"]["plain-pytorch"] < 1e-5


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--case", "gru-dance"], "no case 'gru-dance': there are gru-inference, gru-training"),
        (["--shape", "1,2,3"], "invalid B,T,I,H value: '1,2,3'"),
        (["--shape", "1,2,3,0"], "invalid B,T,I,H value: '1,2,3,0'"),
        (["--threads", "0"], "expected at least 1 thread"),
        (["--kernels", "abacus"], "--kernels: set_isa expected an instruction set that runs here"),
        (["--without", "ours"], "no peer 'ours': there are pytorch, onnxruntime, openvino"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(
    wrong: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is measured."""
    monkeypatch.setattr("benchmarks.harness.limit_threads", lambda _: None)
    monkeypatch.setattr("sys.argv", ["layers", *wrong])
    with pytest.raises(SystemExit):
        layers.main()
    assert said in capsys.readouterr().err


def test_a_step_takes_no_longer_sequence() -> None:
    """Shapes with T > 1 are left out of it, and of nothing else."""
    assert not CASES["gru-step"].fits((2, 3, 4, 5))
    assert CASES["gru-step"].fits((2, 1, 4, 5))
    assert CASES["gru-training"].fits((2, 3, 4, 5))
