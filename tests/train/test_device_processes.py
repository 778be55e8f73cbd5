"""Processes that train together learn what one alone learns, and resume to the bit."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recurra import runtime
from recurra.spec.tensors import tensors_from_bytes

SCRIPT = Path(__file__).with_name("joint_training.py")


def train(
    folder: Path, processes: int, epochs: int = 3, resume: str = "begin"
) -> dict[str, np.ndarray]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    joined = {
        "ACCELERATE_USE_CPU": "true",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "WORLD_SIZE": str(processes),
    }
    running = []
    for rank in range(processes):
        place = {**joined, "RANK": str(rank), "LOCAL_RANK": str(rank)} if processes > 1 else {}
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder), str(epochs), resume],
            env={**os.environ, "OMP_NUM_THREADS": "1", **place},
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    return tensors_from_bytes(folder.with_suffix(".safetensors").read_bytes())[0]


@pytest.mark.deep
@pytest.mark.parametrize("processes", [2, 4])
def test_processes_learn_what_one_learns_and_resume_to_the_bit(
    tmp_path: Path, processes: int
) -> None:
    alone = train(tmp_path / "alone", 1)
    together = train(tmp_path / "together", processes)
    for name, array in alone.items():
        # float64: sums in another order, over 15 steps.
        np.testing.assert_allclose(together[name], array, rtol=1e-9, atol=1e-10, err_msg=name)
    runtime.load(tmp_path / "together")

    train(tmp_path / "parts", processes, epochs=1)
    resumed = train(tmp_path / "parts", processes, resume="resume")
    for name, array in together.items():
        assert np.array_equal(resumed[name], array), name
