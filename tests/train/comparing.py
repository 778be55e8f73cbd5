"""A small comparison that the tests of `compare` share: waves of two speeds, cells of two units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from recurra.codecs import Cases, cases_from_arrays
from recurra.spec.settings import Settings
from recurra.train.compare_material import Material, material_of
from recurra.train.compare_trial import Finished, Trial


def waves(count: int = 40, seed: int = 0) -> Cases:
    """Sequences [6 to 11, 2]; label "slow" or "fast"."""
    random = np.random.default_rng(seed)
    x, y = [], []
    for k in range(count):
        angle = (0.3, 1.2)[k % 2] * np.arange(random.integers(6, 12)) + random.normal()
        x.append(np.stack([np.sin(angle), np.cos(angle)], 1) + 0.1 * random.normal(size=(1, 2)))
        y.append(("slow", "fast")[k % 2])
    return cases_from_arrays(x, y)


def settings(**changes: Any) -> Settings:
    small = {"hidden": 3, "epochs": 2, "batch_size": 10, "learning_rate": 0.02, "threads": 1}
    return Settings.from_flat({**small, **changes})


def material(**changes: Any) -> Material:
    return material_of(waves(), settings(**changes))


def result(**changes: Any) -> Finished:
    """A finished training, as `result.json` tells it."""
    plain = Finished(
        failed=None,
        metric="accuracy",
        direction="max",
        figures={"accuracy": 0.75},
        scores=[1.0, 1.0, 1.0, 0.0],
        parameters=30,
        epochs=2,
        best_epoch=1,
        stopped="epochs",
        fit_seconds=1.0,
        epoch_seconds=0.25,
        bundle_bytes=1000,
    )
    return Finished(**(plain | changes))  # type: ignore[typeddict-item]  # the keys are the record's own


class Told:
    """A watch that keeps what it is told."""

    def __init__(self) -> None:
        self.tables: list[tuple[str, int, int]] = []
        self.epochs: list[tuple[str, int]] = []
        self.trials: list[str] = []

    def on_table(self, title: str, trials: int, finished: int) -> None:
        self.tables.append((title, trials, finished))

    def on_epoch(self, trial: Trial, epoch: int) -> None:
        self.epochs.append((trial.name, epoch))

    def on_trial(self, trial: Trial, result: Finished) -> None:
        self.trials.append(trial.name)


def written(path: Path, count: int = 40) -> Path:
    """The waves as a long table."""
    lines = ["id,left,right,speed"]
    cases = waves(count)
    for name, x, label in zip(cases.ids, cases.inputs, cases.target_values(), strict=True):
        lines += [f"{name},{a:.5f},{b:.5f},{label}" for a, b in x]
    path.write_text("\n".join(lines) + "\n")
    return path
