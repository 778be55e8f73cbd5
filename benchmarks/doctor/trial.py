"""One training and what the doctor says of it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recurra.codecs import Cases
from recurra.errors import TrainingError
from recurra.runtime import Parts
from recurra.spec.settings import Settings
from recurra.train.doctor.judge import findings
from recurra.train.doctor.signals import Evidence
from recurra.train.fit import fit_cases

__all__ = ["Made", "Trial", "judged"]


@dataclass(frozen=True)
class Made:
    """What a training is given.

    Args:
        cases: To learn from.
        settings: By their leaf names, over the defaults.
        valid: Held-out cases of their own.
        base: A network to go on from.
    """

    cases: Cases
    settings: dict[str, Any]
    valid: Cases | None = None
    base: Parts | None = None


@dataclass(frozen=True)
class Trial:
    """A training that is made to be judged.

    Args:
        fault: What is wrong with it; "": nothing.
        name: What kind of data, cell or place of the fault.
        expected: Findings that name the fault; () for a healthy one.
        make: Random numbers and an empty folder -> the training.
        reaches: Of a healthy one, a figure and what it must come to: who does not is not healthy.
    """

    fault: str
    name: str
    expected: tuple[str, ...]
    make: Callable[[np.random.Generator, Path], Made]
    reaches: tuple[str, float] | None = None


def judged(trial: Trial, seed: int) -> dict[str, Any]:
    """Train once with this seed and ask the doctor, from the files that the training left.

    Returns:
        `fault`, `name`, `seed`, `expected`, `found` (names, the worst first), `seen` (their
        sentences), `figures`, `healthy` (it reached what it must), `seconds` of CPU and
        `overhead`, the doctor's share of them.
    """
    random = np.random.default_rng(np.random.SeedSequence([seed, *trial.name.encode()]))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        made = trial.make(random, place)
        settings = Settings.from_flat({"seed": seed, "threads": 1, **made.settings})
        begin = time.process_time()
        try:
            fit_cases(
                made.cases, settings, valid=made.valid, base=made.base, folder=place / "model"
            )
        except TrainingError:
            if not (place / "model.run" / "signals.json").is_file():
                raise
        seconds = time.process_time() - begin
        evidence = Evidence.read(place / "model.run")
    found = findings(evidence)
    figures = evidence.signals.get("figures") or {}
    reached = True
    if trial.reaches is not None:
        metric, bound = trial.reaches
        reached = figures[metric] >= bound if metric == "accuracy" else figures[metric] <= bound
    return {
        "fault": trial.fault,
        "name": trial.name,
        "seed": seed,
        "expected": list(trial.expected),
        "found": [finding["name"] for finding in found],
        "seen": [finding["seen"] for finding in found],
        "figures": figures,
        "healthy": not trial.fault and reached,
        "seconds": seconds,
        "overhead": evidence.signals["overhead_s"] / evidence.signals["fit_s"],
    }
