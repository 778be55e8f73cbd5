"""Processes that train together learn what one learns; killed, they resume to the bit."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch.distributed import TCPStore

from recurra.errors import TrainingError
from recurra.spec.tensors import tensors_from_bytes
from recurra.train import processes

TASKS = ("classify", "regress", "tag", "generate", "transduce", "forecast")
SCRIPT = Path(__file__).with_name("joint_series.py")
# The optimiser moves weights by the gradient itself, so that an error of it is one of theirs.
PLAIN = {"optimiser": "sgd", "momentum": 0.0, "learning_rate": 0.1, "schedule": "constant"}
# One step from everything that there is: its gradient is one sum, in another order.
STEP = {**PLAIN, "epochs": 1, "accumulate": 1000, "warmup": 0.0}
# float64; measured: 5e-16.
STEP_ERROR = 1e-14


def job(name: str, task: str, count: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "task": task, "processes": count, **more}


# Noise of each process's own, and an optimiser with a memory.
NOISY = {"epochs": 3, "batch_size": 5, "dropout": 0.3, "zoneout": 0.1, "average": 0.5}

JOBS = [
    *(job(f"{task}-step-{n}", task, n, settings=STEP) for task in TASKS for n in (1, 2, 4)),
    # Two passes over a text, 12 windows each: the state goes on from one to the next.
    *(job(f"carried-{n}", "generate", n, settings={**PLAIN, "epochs": 2}) for n in (1, 2, 4)),
    *(
        job(f"{task}-{how}", task, 2, settings=NOISY, dies=dies)
        for task in ("classify", "generate")
        for how, dies in (("whole", 0), ("killed", 2))
    ),
    job("bereft", "classify", 2, settings=NOISY, dies=2, only_last=True),
    job("divided", "classify", 2, otherwise={"learning_rate": 0.5, "hidden": 5}, refused=True),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all trainings, each of which has ended well."""
    root = tmp_path_factory.mktemp("joint")
    command = [sys.executable, "-W", "error", str(SCRIPT), str(root), json.dumps(JOBS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for said in json.loads(done.stdout):
        ends = [1 if said.get("refused") else 0] * said["processes"]
        assert said["ends"] == ends, (said, done.stderr)
        if said.get("dies"):
            assert -signal.SIGKILL in said["killed"]
            assert 0 not in said["killed"]
    return root


def result(root: Path, name: str) -> dict[str, np.ndarray]:
    return tensors_from_bytes((root / f"{name}.result").read_bytes())[0]


@pytest.mark.parametrize("task", TASKS)
def test_one_step_of_two_and_four_processes_is_that_of_one(task: str, trained: Path) -> None:
    alone = result(trained, f"{task}-step-1")
    assert alone["figures"][0, 3] > 1e-3  # there is a gradient that could differ
    for count in (2, 4):
        joined = result(trained, f"{task}-step-{count}")
        for name, array in alone.items():
            np.testing.assert_allclose(joined[name], array, rtol=0, atol=STEP_ERROR, err_msg=name)


def test_a_carried_state_stays_with_its_streams(trained: Path) -> None:
    alone = result(trained, "carried-1")
    for count in (2, 4):
        joined = result(trained, f"carried-{count}")
        for name, array in alone.items():
            np.testing.assert_allclose(joined[name], array, rtol=0, atol=STEP_ERROR, err_msg=name)


@pytest.mark.parametrize("task", ["classify", "generate"])
def test_killed_processes_go_on_to_the_bit(task: str, trained: Path) -> None:
    whole, killed = result(trained, f"{task}-whole"), result(trained, f"{task}-killed")
    assert len(whole["figures"]) == 3
    for name, array in whole.items():
        assert np.array_equal(killed[name], array), name


def test_what_is_left_of_them_ends_and_says_why(trained: Path) -> None:
    """One was killed alone: the other one waits for nobody."""
    said = (trained / "bereft.0.error").read_text()
    assert "TrainingError: rank 0 of 2 lost another process, which ended" in said
    assert "--resume goes on from the last checkpoint" in said


def test_processes_that_were_started_otherwise_are_refused(trained: Path) -> None:
    for rank in (0, 1):
        said = (trained / f"divided.{rank}.error").read_text()
        assert "processes of this training differ in hidden, learning_rate: start all" in said


def test_launchers_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "PMI_RANK", "OMPI_COMM_WORLD_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert (processes.rank(), processes.size()) == (0, 1)
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "3")
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    assert (processes.rank(), processes.size()) == (3, 4)


def test_one_of_several_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process tells always; of several the one that asks first; without an answer, it too."""
    assert processes.first_to_tell()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    place = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    store = TCPStore("127.0.0.1", int(port), is_master=True, wait_for_workers=False)
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
    assert [processes.first_to_tell(), processes.first_to_tell()] == [True, False]
    monkeypatch.delenv("MASTER_PORT")
    assert processes.first_to_tell()
    del store


def test_other_errors_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match="of shapes"), processes.loss_of_another_named():
        raise RuntimeError("of shapes")
    with pytest.raises(TrainingError, match="diverged"), processes.loss_of_another_named():
        raise TrainingError("diverged")
