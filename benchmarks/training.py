"""Whole epochs: `fit` against the same network, batches and steps in plain PyTorch.

    python -m benchmarks.training --threads 2 --json training.json [--quick] [--case fit-vowels]

An epoch is every optimiser step and the measurement after it, on both sides. Both begin from the
same weights. The error is that of the first epoch's loss, as a share of the same epoch's in
float64. A case's shape is [batch, longest T, channels, hidden].
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console

from benchmarks import harness
from benchmarks.table import rich_tables

if TYPE_CHECKING:
    from benchmarks.plain import Dataset
    from recurra.spec.settings import Settings

__all__ = ["main"]


@dataclass(frozen=True)
class Case:
    """Synthetic sequences and the network that learns them.

    Args:
        sequences: How many.
        lengths: The shortest and the longest.
        channels: C.
        classes: K.
        hidden: H.
        batch_size: Sequences of a step.
    """

    sequences: int
    lengths: tuple[int, int]
    channels: int
    classes: int
    hidden: int
    batch_size: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """[B, T, I, H] of a step."""
        return self.batch_size, self.lengths[1], self.channels, self.hidden


CASES = {
    # The size of the demonstration's data, JapaneseVowels, and its network.
    "fit-vowels": Case(270, (7, 29), 12, 9, 64, 32),
    "fit-larger": Case(2048, (50, 100), 32, 10, 128, 64),
    # For tests.
    "fit-tiny": Case(12, (3, 5), 2, 2, 4, 6),
}
_DEFAULT = ("fit-vowels", "fit-larger")


def _settings(case: Case, epochs: int, threads: int) -> Settings:
    from recurra.spec.settings import Settings

    return Settings.from_flat(
        {
            "hidden": case.hidden,
            "batch_size": case.batch_size,
            "epochs": epochs,
            "threads": threads,
            # Nothing random within a step, so that both sides can be held against float64.
            "dropout": 0.0,
            # What is measured after each epoch is the training part.
            "valid_fraction": 0.0,
        }
    )


def _ours(dataset: Dataset, settings: Settings) -> tuple[list[float], float]:
    """Seconds of each epoch, and the first one's loss."""
    from recurra.train.fit import fit_cases

    history = fit_cases(dataset.cases, settings).history
    return [record["seconds"] for record in history], history[0]["loss"]


def _compare(name: str, case: Case, *, turns: int, epochs: int, threads: int) -> harness.Record:
    """Both in turn, from the same weights each time."""
    import torch

    from benchmarks.plain import Dataset, train

    dataset = Dataset.random(case.sequences, case.lengths, case.channels, case.classes)
    settings = _settings(case, epochs, threads)
    exact = train(dataset, settings, torch.float64, stop=1)[1]
    seconds: dict[str, list[float]] = {"ours": [], "plain-pytorch": []}
    losses = {}
    for _ in range(turns):
        for who, run in (
            ("ours", partial(_ours, dataset, settings)),
            ("plain-pytorch", partial(train, dataset, settings, torch.float32)),
        ):
            time.sleep(harness.FULL.rest_s)
            taken, losses[who] = run()
            # The first epoch also allocates.
            seconds[who] += taken[1:]
    return harness.record(
        name,
        case.shape,
        ours="recurra.train.fit_cases, an epoch",
        threads=threads,
        timings={who: harness.Timing.of(values) for who, values in seconds.items()},
        errors={who: abs(loss / exact - 1) for who, loss in losses.items()},
        memory={},
    )


def _options() -> argparse.ArgumentParser:
    parser = harness.command_line("Epochs of fit against plain PyTorch.")
    parser.add_argument("--case", action="append", choices=CASES, help="only this case")
    return parser


def main() -> None:
    """Measure, write JSON, print a table."""
    given = _options().parse_args()
    # What follows loads torch.
    harness.limit_threads(given.threads)
    import torch

    torch.set_num_threads(given.threads)
    turns, epochs = (1, 4) if given.quick else (3, 8)
    console, records = Console(width=None if sys.stdout.isatty() else 140), list[harness.Record]()
    for name in given.case or _DEFAULT:
        records.append(
            _compare(name, CASES[name], turns=turns, epochs=epochs, threads=given.threads)
        )
        harness.write(given.json, records)
    for table in rich_tables(records):
        console.print(table)
    for one in records:
        ours, theirs = 1 / one.ours_s, 1 / one.peers_s["plain-pytorch"]
        console.print(f"{one.case}: {ours:.3g} epochs a second; plain PyTorch {theirs:.3g}")


if __name__ == "__main__":
    main()
