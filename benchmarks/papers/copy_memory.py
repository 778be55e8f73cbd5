"""Copy memory: ten symbols are repeated after T blank steps.

    python -m benchmarks.papers.copy_memory --seed 0 --json FILE [--quick] [--set length=200 ...]

Ten symbols out of eight, T - 1 blanks, eleven marks; the answer is blank until the last ten steps,
which are the ten symbols in their order (Bai et al. 2018, whose T is 1,000; ours is stated in the
table). Mean cross-entropy over all T + 20 steps on 500 new cases, beside what is reached without
any memory, 10 ln 8 / (T + 20). The input is one-hot; Bai's is the symbol's number. Published: Bai
et al. 2018, arXiv:1803.01271, table 1, T = 1,000, where no recurrent network remembered. Problem:
Hochreiter & Schmidhuber 1997; chrono initialisation: Tallec & Ollivier 2018, arXiv:1804.11188.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.command import changes, options, write
from benchmarks.papers.synthetic import Learnt, Problem, Row, learn, learnt_row, shown

__all__ = ["PUBLISHED", "SETTINGS", "Copied", "main", "memoryless", "problem"]

# At T = 1,000, where what needs no memory reaches 0.0204.
PUBLISHED = {"gru": 0.0197, "lstm": 0.0204, "rnn": 0.0202}
SETTINGS: dict[str, Any] = {
    "length": 100,
    "hidden": 128,
    "bias_init": "chrono",
    "batch": 50,
    "learning_rate": 3e-3,
    "clip_norm": 1.0,
    "steps": 2000,
    "test": 500,
    "products": "bfloat16",
}
OWN: dict[str, dict[str, Any]] = {"rnn": {"bias_init": "zeros", "learning_rate": 1e-3}}
QUICK: dict[str, Any] = {"length": 10, "hidden": 8, "steps": 10, "test": 40}
# Symbols to remember, how many there are, and the inputs: blank, the symbols, the mark.
_REMEMBERED, _SYMBOLS = 10, 8
_WIDTH = _SYMBOLS + 2


class Copied(Row):
    """A line of the table.

    Args:
        recalled: Share of the ten symbols that are right, 1/8 by chance.
    """

    recalled: float


def problem(length: int) -> Problem:
    """Copy memory over so many blank steps."""

    def cases(count: int, drawn: torch.Generator) -> tuple[Tensor, Tensor]:
        symbols = torch.randint(1, _SYMBOLS + 1, (count, _REMEMBERED), generator=drawn)
        tokens = torch.zeros(count, length + 2 * _REMEMBERED, dtype=torch.int64)
        tokens[:, :_REMEMBERED] = symbols
        tokens[:, length + _REMEMBERED - 1 :] = _WIDTH - 1
        truth = torch.zeros_like(tokens)
        truth[:, -_REMEMBERED:] = symbols
        return functional.one_hot(tokens, _WIDTH).float(), truth

    def loss(outputs: Tensor, truth: Tensor) -> Tensor:
        return functional.cross_entropy(outputs.flatten(0, 1), truth.flatten())

    return Problem(_WIDTH, _WIDTH, cases, loss)


def memoryless(length: int) -> float:
    """The least cross-entropy without memory: blanks for certain, the symbols by chance."""
    return _REMEMBERED * math.log(_SYMBOLS) / (length + 2 * _REMEMBERED)


def recalled(learnt: Learnt, length: int, cases: int) -> float:
    """The share of the ten symbols that are right."""
    x, truth = problem(length).cases(cases, torch.Generator().manual_seed(1))
    with torch.no_grad():
        right = learnt.model(x)[:, -_REMEMBERED:].argmax(2) == truth[:, -_REMEMBERED:]
    return round(float(right.float().mean()), 4)


def main(arguments: list[str] | None = None) -> list[Copied]:
    """Measure, print a line a cell, and write JSON."""
    parser = options(__doc__, quick="10 blanks, 10 batches: shows that it runs")
    chosen = parser.parse_args(arguments)
    changed = changes(chosen, QUICK)
    length = (SETTINGS | changed)["length"]
    print(f"T = {length}: without memory {memoryless(length):.4f}, recalled 0.125")
    rows: list[Copied] = []
    for cell, published in PUBLISHED.items():
        settings = SETTINGS | OWN.get(cell, {}) | changed | {"cell": cell}
        settings["chrono_length"] = settings["length"]
        learnt = learn(problem(length), settings, chosen.seed)
        row = learnt_row(learnt, settings, published)
        rows.append(Copied(**row, recalled=recalled(learnt, length, settings["test"])))
        print(f"{shown(row, 'loss')}, recalled {rows[-1]['recalled']:.3f}", flush=True)
    write(
        "copy_memory",
        chosen,
        SETTINGS | {"own": OWN} | changed,
        rows,
        memoryless=memoryless(length),
        published_length=1000,
    )
    return rows


if __name__ == "__main__":
    main()
