"""Train, compare and deploy gated recurrent networks; run them one step at a time without PyTorch.

Importing this package loads nothing heavy: each public name is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from recurra.spec.version import __version__

if TYPE_CHECKING:
    from recurra.estimators import (
        SequenceClassifier,
        SequenceForecaster,
        SequenceGenerator,
        SequenceRegressor,
        SequenceTagger,
        SequenceTransducer,
        compare,
        tune,
    )

_HOME = {
    "SequenceClassifier": "recurra.estimators",
    "SequenceForecaster": "recurra.estimators",
    "SequenceGenerator": "recurra.estimators",
    "SequenceRegressor": "recurra.estimators",
    "SequenceTagger": "recurra.estimators",
    "SequenceTransducer": "recurra.estimators",
    "compare": "recurra.estimators",
    "tune": "recurra.estimators",
}

__all__ = [
    "SequenceClassifier",
    "SequenceForecaster",
    "SequenceGenerator",
    "SequenceRegressor",
    "SequenceTagger",
    "SequenceTransducer",
    "__version__",
    "compare",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'recurra' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
