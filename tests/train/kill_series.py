"""A training that kills itself at given moments and is resumed; prints what it ended with.

Run by test_checkpoint.py. Everything is imported once; each training runs in a fork of its own.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch._dynamo
import torch._inductor.config  # an optimiser would import both anew in each fork

from recurra.codecs import Cases, cases_from_arrays
from recurra.spec.settings import Settings
from recurra.spec.tensors import tensors_from_bytes
from recurra.train.checkpoint import CHECKPOINT
from recurra.train.fit import fit_cases
from recurra.train.progress import Silent

SETTINGS = Settings.from_flat(
    {"hidden": 4, "epochs": 4, "batch_size": 5, "dropout": 0.3, "zoneout": 0.1, "threads": 1}
)


def cases() -> Cases:
    generator = np.random.default_rng(0)
    x = [generator.normal(size=(int(generator.integers(2, 6)), 2)) + k % 2 for k in range(24)]
    return cases_from_arrays(x, ["a" if k % 2 else "b" for k in range(24)])


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DiesAtStep(Silent):
    def __init__(self, step: int) -> None:
        self.left = step

    def on_step(
        self, epoch: int, batch: int, loss: float, metric: float | None, speed: float, eta_s: float
    ) -> None:
        self.left -= 1
        if self.left == 0:
            die()


def arm(moment: str) -> Silent:
    """A moment is "step:n", "write:n" (within the n-th file), "fsync:n" or "rename:n"."""
    where, _, number = moment.partition(":")
    count = int(number)
    if where == "step":
        return DiesAtStep(count)
    left = [count]

    def dying(
        original: Callable[..., object], before: Callable[..., None]
    ) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                before(*arguments)
                die()
            return original(*arguments)

        return call

    if where == "write":
        write = os.write
        os.write = dying(write, lambda file, raw: write(file, raw[: len(raw) // 2]))
    elif where == "fsync":
        os.fsync = dying(os.fsync, lambda _: None)
    else:
        Path.replace = dying(Path.replace, lambda *_: None)
    return Silent()


def train(folder: Path, moment: str | None) -> None:
    fitted = fit_cases(
        cases(), SETTINGS, folder=folder, resume=True, progress=arm(moment) if moment else None
    )
    arrays, _ = tensors_from_bytes(
        (folder.with_name(folder.name + ".run") / CHECKPOINT).read_bytes()
    )
    curve = [{**record, "seconds": 0.0} for record in fitted.history]
    result = {
        "state": {name: array.tobytes().hex() for name, array in sorted(arrays.items())},
        "module": {n: v.numpy().tobytes().hex() for n, v in fitted.module.state_dict().items()},
        "history": [{k: float(v).hex() for k, v in record.items()} for record in curve],
        "best": [fitted.best_epoch, float(fitted.best_metric).hex(), fitted.stopped],
    }
    (folder.parent / f"{folder.name}.json").write_text(json.dumps(result, sort_keys=True))


def forked(folder: Path, moment: str | None) -> int:
    """The signal that ended the training, 0 for none."""
    child = os.fork()
    if child == 0:
        # torch is used in the forks only: its threads would not survive being forked.
        torch.set_num_threads(1)
        train(folder, moment)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status)
    assert os.WEXITSTATUS(status) == 0, "the training failed"
    return 0


def main(root: Path, series: list[str]) -> None:
    assert forked(root / "unbroken", None) == 0
    wanted = (root / "unbroken.json").read_text()
    report = {}
    for number, moments in enumerate(series):
        folder = root / f"killed{number}"
        killed = [forked(folder, moment) == signal.SIGKILL for moment in moments.split("+")]
        assert forked(folder, None) == 0
        same = (root / f"killed{number}.json").read_text() == wanted
        left = [p.name for p in folder.with_name(folder.name + ".run").iterdir()]
        report[moments] = {"killed": killed, "same": same, "left": sorted(left)}
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
