"""Searches that are killed and continued, and searches of several processes; prints their trials.

Run by test_tune.py. Everything is imported once; each process is a fork of its own, in which
nothing can be unpickled.
"""

import json
import os
import pickle
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import optuna  # noqa: F401  before the forks, so that each need not
import sqlalchemy.dialects.sqlite  # noqa: F401  the same
import torch
import torch._dynamo
import torch._inductor.config  # an optimiser would import both anew in each fork

from recurra.train.tune import tune_cases
from recurra.train.tune_trial import Silent
from train.comparing import settings, waves

SEARCH = {"trials": 7, "fixed": ["hidden", "batch_size", "cell"], "space": ["zoneout=0..0.2"]}


class Dies(Silent):
    """Kills its own process in an epoch of a trial, or with "tell", before the study is told."""

    def __init__(self, trial: int, epoch: int) -> None:
        self.at = trial, epoch

    def on_epoch(self, number: int, epoch: int, epochs: int) -> None:
        if (number, epoch) == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def refuse(*_: Any, **__: Any) -> None:
    raise RuntimeError("something was unpickled")


def search(folder: Path, storage: str | None, watch: Silent) -> None:
    pickle.loads = pickle.load = pickle.Unpickler = pickle._loads = pickle._load = refuse
    torch.set_num_threads(1)
    tune_cases(waves(), settings(epochs=4), folder, watch, storage=storage, **SEARCH)


def fork(folder: Path, storage: str | None, watch: Silent) -> int:
    child = os.fork()
    if child == 0:
        code = 0
        try:
            search(folder, storage, watch)
        except BaseException:
            traceback.print_exc()
            code = 1
        os._exit(code)
    return child


def end(child: int) -> int:
    _, status = os.waitpid(child, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def trials(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "tune.json").read_text())["trials"]
    return [{**trial, "seconds": None} for trial in found]


def main(root: Path) -> None:
    report: dict[str, Any] = {"ends": []}

    def run(name: str, storage: str | None, *watches: Silent) -> None:
        children = [fork(root / name, storage, watch) for watch in watches]
        report["ends"].append([name, *map(end, children)])

    run("whole", None, Silent())
    for at in ((2, 1), (2, 3), (6, 4)):
        run("killed", None, Dies(*at))
    # As a process leaves it that is killed while it writes.
    with (root / "killed" / "study" / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"op_code":6,"wor')
    run("killed", None, Silent())
    base = f"sqlite:///{root / 'study.db'}"
    run("base", base, Dies(3, 2))
    run("base", base, Silent())
    run("shared", None, Silent(), Silent())
    run("joined", f"sqlite:///{root / 'joined.db'}", Silent(), Dies(1, 2))
    run("joined", f"sqlite:///{root / 'joined.db'}", Silent())
    for name in ("whole", "killed", "base", "shared", "joined"):
        report[name] = trials(root / name)
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
