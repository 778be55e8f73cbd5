"""Waves of two speeds and unequal lengths, and one classifier fitted on them, for all tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from recurra import SequenceClassifier

Waves = tuple[list[npt.NDArray[Any]], npt.NDArray[Any]]


def _waves(cases: int, seed: int = 0) -> Waves:
    random = np.random.default_rng(seed)
    speed = np.where(np.arange(cases) % 2 == 0, 0.3, 1.3)
    X = []
    for v in speed:
        t, phase = np.arange(random.integers(6, 13)), random.normal()
        X.append(np.stack([np.sin(v * t + phase), np.cos(v * t + phase)], axis=1))
    return X, np.where(speed < 1, "slow", "fast")


@pytest.fixture(scope="session")
def waves() -> Callable[..., Waves]:
    """Number of cases -> sequences [6 to 12, 2] and their labels, "slow" and "fast" in turn."""
    return _waves


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    """Parameters of a training of well under a second."""
    return {"hidden": 8, "epochs": 3, "batch_size": 8, "learning_rate": 0.02, "threads": 1}


@pytest.fixture(scope="session")
def fitted(small: dict[str, Any]) -> SequenceClassifier:
    """A classifier that has learnt 32 waves; tests do not change it."""
    return SequenceClassifier(**small).fit(*_waves(32))
