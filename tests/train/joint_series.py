"""Trainings in one, two and four processes, some killed and resumed; prints what they ended with.

Run by test_processes.py. Everything is imported once; each process is a fork of its own.
"""

import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch._dynamo
import torch._inductor.config  # an optimiser would import both anew in each fork

from recurra.codecs import Cases, cases_from_arrays
from recurra.codecs.corpus_files import corpus_cases
from recurra.codecs.forecast_arrays import series_from_arrays
from recurra.codecs.pairs_read import pair_cases
from recurra.codecs.read_tags import tag_cases_from_arrays
from recurra.spec.settings import Settings
from recurra.spec.tensors import tensors_to_bytes
from recurra.train import processes
from recurra.train.fit import fit_cases
from recurra.train.progress import Silent

# Each process draws noise of its own, so that only without it all learn what one learns.
STILL = {"dropout": 0.0, "precision": "float64", "threads": 1, "hidden": 4}
WORDS = [["the", "cat", "sat"], ["a", "dog"], ["the", "dog", "ran", "off"], ["cats", "sit"]]
TAGS = [["O", "B-X", "O"], ["O", "B-X"], ["O", "B-X", "O", "O"], ["B-X", "O"]]


def series(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.normal(size=(int(random.integers(2, 6)), 2)) + k % 2 for k in range(count)]


def cases_of(task: str) -> Cases:
    if task == "classify":
        return cases_from_arrays(series(25), ["a" if k % 2 else "b" for k in range(25)])
    if task == "regress":
        return cases_from_arrays(series(25), [float(x.mean()) for x in series(25)])
    if task == "tag":
        return tag_cases_from_arrays(WORDS * 5, TAGS * 5, settings=Settings().data)
    if task == "generate":
        return corpus_cases(["so it goes on and on, and so it goes. " * 12])
    if task == "transduce":
        pairs = [("".join(w), "".join(reversed(w))) for w in ("abc", "ba", "cab", "bca", "aab")]
        return pair_cases([a for a, _ in pairs] * 4, [b for _, b in pairs] * 4)
    steps = np.arange(160)
    both = np.stack([np.sin(steps / 5), np.cos(steps / 7)], axis=1)
    return series_from_arrays(both)


# What a task needs beside STILL. "step": one optimiser step from everything that there is.
OWN: dict[str, dict[str, Any]] = {
    "generate": {"embedding": 3, "window": 8, "batch_size": 6},
    "transduce": {"embedding": 3, "beam": 1, "longest_output": 6},
    "forecast": {"horizon": 4, "lookback": 12, "stride": 4},
    "tag": {"embedding": 3, "character_hidden": 2, "character_embedding": 2},
}


class Dies(Silent):
    """Kills its own process, and with it all others, within an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_step(self, epoch: int, *_: Any) -> None:
        if epoch == self.epoch:
            os.kill(os.getpid(), signal.SIGKILL)


def train(job: Mapping[str, Any], folder: Path, dies: int) -> None:
    task, settings, rank = job["task"], job.get("settings", {}), processes.rank()
    if rank:
        settings = {**settings, **job.get("otherwise", {})}
    if dies and job.get("only_last") and rank < job["processes"] - 1:
        dies = 0
    chosen = Settings.from_flat({**STILL, "task": task, **OWN.get(task, {}), **settings})
    fitted = fit_cases(
        cases_of(task),
        chosen,
        folder=folder,
        resume=True,
        progress=Dies(dies) if dies else Silent(),
    )
    if not fitted.main:
        return
    weights = {name: value.numpy() for name, value in fitted.module.state_dict().items()}
    figures = np.array(
        [[r["loss"], r["valid_loss"], r["metric"], r["gradient_norm"]] for r in fitted.history]
    )
    folder.with_suffix(".result").write_bytes(tensors_to_bytes({**weights, "figures": figures}))


def together(job: Mapping[str, Any], root: Path, dies: int = 0) -> list[int]:
    """Train in forks; the signal or exit code of each, once all have ended."""
    count = job["processes"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    children = []
    for rank in range(count):
        child = os.fork()
        if child == 0:
            if count > 1:
                place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)}
                os.environ |= {**place, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            torch.set_num_threads(1)
            code = 0
            try:
                train(job, root / job["name"], dies)
            except BaseException:
                said = traceback.format_exc()
                (root / f"{job['name']}.{rank}.error").write_text(said)
                print(said, file=sys.stderr)
                code = 1
            # Not sys.exit: what the parent registered to be done at its end is the parent's.
            os._exit(code)
        children.append(child)
    ends = []
    for child in children:
        _, status = os.waitpid(child, 0)
        ends.append(-os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
    return ends


def main(root: Path, jobs: list[dict[str, Any]]) -> None:
    report = []
    for job in jobs:
        killed = together(job, root, job["dies"]) if job.get("dies") else []
        report.append({**job, "killed": killed, "ends": together(job, root)})
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
