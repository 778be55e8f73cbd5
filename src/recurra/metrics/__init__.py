"""How good answers are, in numpy: the figures that `recurra evaluate` prints."""

from __future__ import annotations

from recurra.metrics.classify import (
    ClassFigures,
    accuracy,
    auc,
    class_table,
    ece,
    log_loss,
    macro_f1,
)
from recurra.metrics.evaluate import evaluate
from recurra.metrics.regress import mae, mse, r2

__all__ = [
    "ClassFigures",
    "accuracy",
    "auc",
    "class_table",
    "ece",
    "evaluate",
    "log_loss",
    "macro_f1",
    "mae",
    "mse",
    "r2",
]
