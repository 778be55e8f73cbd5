"""Memory of truncated back-propagation: the peak of a training as sequences grow longer.

    python -m benchmarks.truncation [--steps 1000,4000,16000] [--json FILE] [--quick]

Each figure is a process of its own that trains a GRU for one epoch of one step, and is how far its
resident size rose above what it was ahead of the training, the raw sequences being there already.

* classify: 8 sequences of T steps, 2 channels, 64 units; gradients through all of it ("whole"), and
  cut after 250 steps ("windows").
* generate: 8 streams over a text of 8 T characters, windows of 250 characters: `T / 250` steps of
  the optimiser; and windows as long as a stream ("whole").

What is left to grow with T are the encoded sequences, the states between windows, and the holes
that the allocator leaves: at 64,000 steps a batch in windows holds 8 MB of live tensors.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, TypedDict

import numpy as np

from benchmarks.command import options, write
from benchmarks.memory import Peak

__all__ = ["Row", "main", "peak"]

_WINDOW, _STEPS = 250, (1000, 4000, 16000)
_TASKS, _WAYS = ("classify", "generate"), ("windows", "whole")


class Row(TypedDict):
    """Megabytes of one training; null where Linux does not tell."""

    task: str
    way: str
    steps: int
    megabytes: float | None


def peak(task: str, way: str, steps: int) -> float | None:
    """The rise of this process's resident size while it trains once, in megabytes."""
    from recurra.codecs import cases_from_arrays
    from recurra.codecs.corpus_files import corpus_cases
    from recurra.spec.settings import Settings
    from recurra.train.fit import fit_cases

    random = np.random.default_rng(0)
    settings: dict[str, Any] = {"task": task, "hidden": 64, "batch_size": 8, "epochs": 1}
    settings |= {"threads": 1, "valid_fraction": 0.0, "dropout": 0.0}
    if task == "classify":
        x = [random.normal(size=(steps, 2)) + k % 2 for k in range(8)]
        cases = cases_from_arrays(x, [k % 2 for k in range(8)])
        settings |= {"truncated": True, "window": _WINDOW} if way == "windows" else {}
    else:
        cases = corpus_cases(["".join(random.choice(list("abcdefgh "), 8 * steps))])
        settings |= {"embedding": 16, "window": _WINDOW if way == "windows" else steps}
    # Libraries are loaded, and threads are there, ahead of what is measured.
    small = cases_from_arrays([np.ones((3, 2)), np.zeros((3, 2))] * 4, [0, 1] * 4)
    fit_cases(small, Settings.from_flat({"epochs": 1, "threads": 1, "valid_fraction": 0.0}))
    with Peak() as found:
        fit_cases(cases, Settings.from_flat(settings))
    return found.megabytes


def main(arguments: list[str] | None = None) -> list[Row]:
    """Measure, print a line a training, and write JSON."""
    parser = options(__doc__, quick="a tenth of the steps: shows that it runs")
    parser.add_argument("--steps", default=",".join(map(str, _STEPS)), help="T, several")
    parser.add_argument("--one", nargs=3, help="a single one: task, way, steps")
    chosen = parser.parse_args(arguments)
    if chosen.one:
        task, way, steps = chosen.one
        print(json.dumps(peak(task, way, int(steps))))
        return []
    every = [int(word) // (10 if chosen.quick else 1) for word in chosen.steps.split(",")]
    rows = []
    for task in _TASKS:
        for way in _WAYS:
            for steps in every:
                command = [sys.executable, "-m", "benchmarks.truncation"]
                ran = subprocess.run(
                    [*command, "--one", task, way, str(steps)],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                megabytes = json.loads(ran.stdout)
                rows.append(Row(task=task, way=way, steps=steps, megabytes=megabytes))
                print(f"{task:9} {way:8} {steps:6} steps: {megabytes} MB", flush=True)
    write("truncation", chosen, {"window": _WINDOW}, rows)
    return rows


if __name__ == "__main__":
    main()
