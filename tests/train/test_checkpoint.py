"""A training killed at any moment, saving included, goes on bitwise as if nothing had happened."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from recurra.errors import OutputError, TrainingError
from recurra.spec.batch import Encoded, EncodedList
from recurra.spec.settings import TrainingSettings
from recurra.tasks import Classify
from recurra.train import checkpoint
from recurra.train.checkpoint import CHECKPOINT, load_checkpoint, save_checkpoint
from recurra.train.device import accelerator_for
from recurra.train.loop import Loop, Run
from recurra.train.places import HISTORY
from recurra.train.progress import Silent

KILLS = Path(__file__).with_name("kill_series.py")
# 20 sequences to train on make 4 steps an epoch; each epoch writes both histories, then the
# checkpoint; ahead of everything the lock says whose it is.
MOMENTS = [
    "step:1",  # before there is anything to resume
    "step:6",  # in the middle of an epoch
    "write:4",  # half of the first checkpoint is written
    "write:7",  # half of the second
    "fsync:11",  # the second checkpoint is written, not yet synced
    "rename:6",  # synced, not yet in place
    "fsync:12",  # in place, the folder not yet synced
    "step:16",  # the last step
    "step:7+write:2+step:5",  # again and again
]


def killed(root: Path, series: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(KILLS), str(root), *series],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="reason: the series of kills needs fork")
def test_killed_at_any_moment_it_continues_bitwise(tmp_path: Path) -> None:
    report = killed(tmp_path, MOMENTS)
    assert set(report) == set(MOMENTS)
    for moments, found in report.items():
        assert all(found["killed"]), f"{moments} did not kill"
        assert found["same"], f"killed at {moments}, it ended otherwise"
        assert found["left"] == [CHECKPOINT, *sorted(HISTORY), "signals.json"], (
            f"{moments} left files behind"
        )


@pytest.mark.deep
@pytest.mark.skipif(not hasattr(os, "fork"), reason="reason: the series of kills needs fork")
def test_killed_at_every_moment_it_continues_bitwise(tmp_path: Path) -> None:
    last = {"step": 16, "write": 8, "fsync": 16, "rename": 8}
    series = [f"{where}:{n + 1}" for where, number in last.items() for n in range(number)]
    report = killed(tmp_path, series)
    assert len(report) == 48
    assert [m for m, found in report.items() if not (found["same"] and all(found["killed"]))] == []


@pytest.fixture
def loop() -> Iterator[Loop]:
    with accelerator_for("float32", "auto") as accelerator:
        yield make(accelerator)


def make(accelerator: Accelerator) -> Loop:
    class Network(torch.nn.Module):
        graph = SimpleNamespace(inputs=("x",))

        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(1, 2)

        def forward(
            self, inputs: dict[str, torch.Tensor], *, lengths: torch.Tensor
        ) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
            del lengths
            return {"head": self.head(inputs["x"][:, 0])}, {}

    cases = [Encoded({"x": np.ones((1, 1), np.float32)}, {"y": np.array(k % 2)}) for k in range(4)]
    settings = TrainingSettings(epochs=2)
    return Loop(
        Network(), Classify(), EncodedList(cases), lambda: (0.5, 0.5), settings, accelerator
    )


IDENTITY = {"learning_rate": 0.1, "training sequences": "abc"}


def saved(loop: Loop, folder: Path) -> Run:
    return loop.run(Run(), Silent(), lambda run: save_checkpoint(folder, loop, run, IDENTITY))


def test_nothing_there_is_nothing_to_continue(loop: Loop, tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path, loop, IDENTITY) is None


def test_what_was_saved_comes_back(loop: Loop, tmp_path: Path) -> None:
    run = saved(loop, tmp_path)
    weights = {name: value.clone() for name, value in loop.network.state_dict().items()}
    states = torch.get_rng_state()
    other = make(loop.accelerator)
    torch.rand(3)
    loaded = load_checkpoint(tmp_path, other, IDENTITY)
    assert loaded is not None
    assert (loaded.epoch, loaded.history, loaded.stopped) == (2, run.history, "epochs")
    assert all(torch.equal(weights[n], v) for n, v in other.network.state_dict().items())
    assert all(torch.equal(run.best[n], v) for n, v in loaded.best.items())
    assert torch.equal(torch.get_rng_state(), states)
    ours, theirs = (each.optimiser.state_dict()["state"] for each in (loop, other))
    assert all(torch.equal(ours[k][n], theirs[k][n]) for k in ours for n in ours[k])


def test_another_beginning_is_refused_by_name(loop: Loop, tmp_path: Path) -> None:
    saved(loop, tmp_path)
    with pytest.raises(TrainingError, match=r"learning_rate was 0\.1, is 0\.2.*--force") as caught:
        load_checkpoint(tmp_path, loop, {**IDENTITY, "learning_rate": 0.2})
    assert "training sequences" not in str(caught.value)
    with pytest.raises(TrainingError, match="training sequences"):
        load_checkpoint(tmp_path, loop, {**IDENTITY, "training sequences": "abd"})


@pytest.mark.parametrize("position", [0.0, 0.3, 0.6, 0.99])
def test_a_flipped_bit_is_refused(loop: Loop, tmp_path: Path, position: float) -> None:
    saved(loop, tmp_path)
    path = tmp_path / CHECKPOINT
    raw = bytearray(path.read_bytes())
    raw[int(position * len(raw))] ^= 4
    path.write_bytes(raw)
    with pytest.raises(TrainingError, match="cannot continue from"):
        load_checkpoint(tmp_path, loop, IDENTITY)


def test_a_truncated_file_is_refused(loop: Loop, tmp_path: Path) -> None:
    saved(loop, tmp_path)
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(TrainingError, match="cannot continue from"):
        load_checkpoint(tmp_path, loop, IDENTITY)


def test_another_version_is_refused(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_VERSION", checkpoint.CHECKPOINT_VERSION - 1)
    saved(loop, tmp_path)
    monkeypatch.undo()
    with pytest.raises(TrainingError, match="another version"):
        load_checkpoint(tmp_path, loop, IDENTITY)


def test_a_folder_that_vanished_is_an_output_error(loop: Loop, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        saved(loop, tmp_path / "gone")
