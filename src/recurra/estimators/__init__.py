"""`SequenceClassifier` and `SequenceRegressor`: recurra in scikit-learn's words.

scikit-learn is loaded with the first of the two, so that their parts can be imported without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurra.estimators.classifier import SequenceClassifier
    from recurra.estimators.comparison import compare
    from recurra.estimators.forecaster import SequenceForecaster
    from recurra.estimators.generator import SequenceGenerator
    from recurra.estimators.regressor import SequenceRegressor
    from recurra.estimators.tagger import SequenceTagger
    from recurra.estimators.transducer import SequenceTransducer
    from recurra.estimators.tuning import tune

_HOME = {
    "SequenceClassifier": "recurra.estimators.classifier",
    "SequenceForecaster": "recurra.estimators.forecaster",
    "SequenceGenerator": "recurra.estimators.generator",
    "SequenceRegressor": "recurra.estimators.regressor",
    "SequenceTagger": "recurra.estimators.tagger",
    "SequenceTransducer": "recurra.estimators.transducer",
    "compare": "recurra.estimators.comparison",
    "tune": "recurra.estimators.tuning",
}

__all__ = [
    "SequenceClassifier",
    "SequenceForecaster",
    "SequenceGenerator",
    "SequenceRegressor",
    "SequenceTagger",
    "SequenceTransducer",
    "compare",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from recurra.estimators.requirements import require_train_extra

        require_train_extra()
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'recurra.estimators' has no attribute {name!r}")
