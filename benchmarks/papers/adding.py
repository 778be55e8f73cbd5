"""The adding problem at T = 600: the sum of two marked numbers out of 600.

    python -m benchmarks.papers.adding --seed 0 --json FILE [--quick] [--set steps=500 ...]

A step is a number of U(0, 1) and a mark, which is 1 at two steps drawn at random, as Bai et al.
2018 draw them; the answer is the sum of the two. Mean squared error on 1,000 new cases; always
answering 1 gives 1/6. Published: Bai et al. 2018, arXiv:1803.01271, table 1, about 70,000
parameters each; ours have fewer. Problem: Hochreiter & Schmidhuber 1997; Martens & Sutskever 2011.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.command import changes, options, write
from benchmarks.papers.synthetic import Problem, Row, learn, learnt_row, shown

__all__ = ["PUBLISHED", "SETTINGS", "main", "problem"]

PUBLISHED = {"gru": 5.3e-5, "lstm": 0.164, "rnn": 0.177}
SETTINGS: dict[str, Any] = {
    "length": 600,
    "hidden": 64,
    "bias_init": "chrono",
    "batch": 50,
    "learning_rate": 1e-2,
    "clip_norm": 1.0,
    "steps": 1500,
    "test": 1000,
    "products": "bfloat16",
}
# A recurrence without gates bears no such rate, and has no gate whose bias could begin anywhere.
OWN: dict[str, dict[str, Any]] = {"rnn": {"bias_init": "zeros", "learning_rate": 1e-3}}
QUICK: dict[str, Any] = {"length": 20, "hidden": 8, "steps": 10, "test": 40}


def problem(length: int) -> Problem:
    """The adding problem over so many steps."""

    def cases(count: int, drawn: torch.Generator) -> tuple[Tensor, Tensor]:
        numbers = torch.rand(count, length, generator=drawn)
        # The two largest of independent numbers stand at two steps drawn without replacement.
        places = torch.rand(count, length, generator=drawn).topk(2, dim=1).indices
        marks = torch.zeros(count, length).scatter_(1, places, 1.0)
        return torch.stack((numbers, marks), 2), (numbers * marks).sum(1)

    def loss(outputs: Tensor, truth: Tensor) -> Tensor:
        return functional.mse_loss(outputs[:, -1, 0], truth)

    return Problem(2, 1, cases, loss, last=True)


def main(arguments: list[str] | None = None) -> list[Row]:
    """Measure, print a line a cell, and write JSON."""
    parser = options(__doc__, quick="20 steps, 10 batches: shows that it runs")
    chosen = parser.parse_args(arguments)
    changed = changes(chosen, QUICK)
    rows = [constant(SETTINGS | changed)]
    print(shown(rows[0], "MSE"))
    for cell, published in PUBLISHED.items():
        settings = SETTINGS | OWN.get(cell, {}) | changed | {"cell": cell}
        settings["chrono_length"] = settings["length"]
        learnt = learn(problem(settings["length"]), settings, chosen.seed)
        rows.append(learnt_row(learnt, settings, published))
        print(shown(rows[-1], "MSE"), flush=True)
    write("adding", chosen, SETTINGS | {"own": OWN} | changed, rows)
    return rows


def constant(settings: dict[str, Any]) -> Row:
    """What always answering 1 comes to."""
    _, truth = problem(settings["length"]).cases(100_000, torch.Generator().manual_seed(0))
    loss = float(functional.mse_loss(torch.ones_like(truth), truth))
    return Row(
        model="always 1",
        loss=loss,
        published=1 / 6,
        parameters=0,
        steps=0,
        cpu_seconds=0.0,
        seconds=0.0,
        peak_mb=None,
    )


if __name__ == "__main__":
    main()
