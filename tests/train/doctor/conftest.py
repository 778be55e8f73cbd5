"""Evidence of a healthy training, which each test spoils in one place."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from recurra.spec.report import EpochRecord
from recurra.spec.settings import Settings
from recurra.train.doctor.signals import Evidence, Signals

UNITS = {
    "count": 8,
    "dead": 0.0,
    "pinned": 0.02,
    "largest": 0.9,
    "gates": {
        "reset": {"mean": 0.5, "shut": 0.0, "open": 0.0},
        "update": {"mean": 0.5, "shut": 0.01, "open": 0.02},
    },
}


def signals() -> Any:
    probe = {"layers": {"encoder": copy.deepcopy(UNITS)}, "loss": 0.4, "weight_norm": 5.0}
    return {
        "task": "classify",
        "metric": ("accuracy", "max"),
        "settings": Settings().flat(),
        "sequences": {"train": 200, "held": 40},
        "steps": 7,
        "length": 30.0,
        "continued": False,
        "inputs": {
            "deviations": [1.0, 1.0],
            "typical": 0.67,
            "column": "heat",
            "largest": 4.0,
            "memory": 3,
        },
        "target": {
            "counts": [120, 80],
            "labels": ["ok", "hot"],
            "leak": {"explained": 0.4, "column": "heat", "figure": "mean"},
            "duplicates": 0.0,
            "held_classes": 2,
        },
        "naive": {
            "majority": {"accuracy": 0.6, "balanced": 0.5},
            "linear": {"accuracy": 0.8, "balanced": 0.79},
        },
        "start": copy.deepcopy(probe),
        "end": {**copy.deepcopy(probe), "moved": 0.3},
        "best": {**copy.deepcopy(probe), "moved": 0.3},
        "answers": {"true": [24, 16], "called": [25, 15], "right": [23, 14]},
        "figures": {"accuracy": 0.92},
        "best_epoch": 9,
        "stopped": "epochs",
    }


def history(losses: list[float], watched: list[float] | None = None) -> list[EpochRecord]:
    return [
        EpochRecord(
            epoch=number,
            loss=loss,
            valid_loss=held,
            metric=0.9,
            learning_rate=3e-3,
            gradient_norm=0.8,
            clipped=0.2,
            seconds=0.1,
        )
        for number, (loss, held) in enumerate(zip(losses, watched or losses, strict=True), 1)
    ]


FALLING = [0.70, 0.62, 0.55, 0.48, 0.42, 0.36, 0.32, 0.30, 0.28, 0.27]


@pytest.fixture
def seen() -> Callable[..., Evidence]:
    """Healthy evidence with some of it changed: `seen(answers={...}, losses=[...])`.

    A name with dots goes down: `seen(**{"settings.clip_norm": 0.1})`.
    """

    def make(
        losses: list[float] = FALLING,
        watched: list[float] | None = None,
        records: dict[str, float] | None = None,
        **changes: Any,
    ) -> Evidence:
        tree = signals()
        for name, value in changes.items():
            *above, last = name.split(".")
            place = tree
            for part in above:
                place = place[part]
            if value is None:
                del place[last]
            else:
                place[last] = value
        past: Any = [{**record, **(records or {})} for record in history(losses, watched)]
        return Evidence(Signals(**tree), past)

    return make
