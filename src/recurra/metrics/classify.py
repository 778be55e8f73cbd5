"""Accuracy, F1, log loss and AUC of class probabilities [N, K] against class indices [N]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import ShapeError

__all__ = ["ClassFigures", "accuracy", "auc", "class_table", "ece", "log_loss", "macro_f1"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ClassFigures:
    """One row of the table of classes; rates are 0 where nothing can be counted.

    Args:
        precision: Share of the cases called so that are so.
        recall: Share of the cases that are so that were called so.
        f1: Their harmonic mean.
        support: Cases that are so.
        called: Cases called so.
    """

    precision: float
    recall: float
    f1: float
    support: int
    called: int


def accuracy(answers: Array, truth: Array, called: Array | None = None) -> float:
    """Share of the cases whose called class is the true one.

    Args:
        answers: Probabilities [N, K].
        truth: Class indices [N].
        called: Class indices [N]; None: the most probable one, the lowest index among equals.
    """
    answers, truth = _checked(answers, truth)
    called = np.argmax(answers, axis=1) if called is None else called
    return float(np.mean(called == truth))


def class_table(answers: Array, truth: Array, called: Array | None = None) -> list[ClassFigures]:
    """Precision, recall, F1 and counts of every class, in the order of the columns.

    Args:
        answers: As in `accuracy`; so are the others.
    """
    answers, truth = _checked(answers, truth)
    called = np.argmax(answers, axis=1) if called is None else called
    classes = answers.shape[1]
    hits = np.bincount(truth[called == truth], minlength=classes)
    supports = np.bincount(truth, minlength=classes)
    calls = np.bincount(called, minlength=classes)
    return [
        ClassFigures(
            precision=_share(int(hit), int(call)),
            recall=_share(int(hit), int(support)),
            f1=_share(2 * int(hit), int(call + support)),
            support=int(support),
            called=int(call),
        )
        for hit, support, call in zip(hits, supports, calls, strict=True)
    ]


def macro_f1(answers: Array, truth: Array, called: Array | None = None) -> float:
    """The mean F1 of the classes that occur in the truth or in the answers."""
    rows = [row for row in class_table(answers, truth, called) if row.support or row.called]
    return sum(row.f1 for row in rows) / len(rows)


def log_loss(answers: Array, truth: Array) -> float:
    """The mean of -log p(true class), in nats; p is kept off 0 and 1 by the float64 epsilon."""
    answers, truth = _checked(answers, truth)
    epsilon = float(np.finfo(np.float64).eps)
    chosen = answers[np.arange(len(truth)), truth]
    return float(-np.log(np.clip(chosen, epsilon, 1 - epsilon)).mean())


def ece(answers: Array, truth: Array, bins: int = 15) -> float:
    """Expected calibration error: how far confidence and accuracy are apart.

        sum_b n_b / N * |mean confidence of bin b - accuracy of bin b|

    over bins of equal width; confidence is the largest probability.

    Source: Guo et al. 2017, arXiv:1706.04599, eq. 3.
    """
    answers, truth = _checked(answers, truth)
    confidence = answers.max(axis=1)
    right = np.argmax(answers, axis=1) == truth
    # Bins are open below and closed above; a confidence of 0 cannot be the largest.
    where = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    gaps = np.bincount(where, confidence, bins) - np.bincount(where, right, bins)
    return float(np.abs(gaps).sum() / len(truth))


def auc(answers: Array, truth: Array) -> float | None:
    """Area under the ROC curve of class 1 of two; None where the truth holds one class only.

    The share of pairs (a case of class 1, a case of class 0) that are ranked rightly; ties count
    half (Hanley & McNeil 1982).
    """
    answers, truth = _checked(answers, truth)
    if answers.shape[1] != 2:
        raise ShapeError(f"auc expected answers [N, 2], got {list(answers.shape)}: two classes")
    positive = truth == 1
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if ones == 0 or zeros == 0:
        return None
    _, where, counts = np.unique(answers[:, 1], return_inverse=True, return_counts=True)
    # The mean of the ranks 1..N that each group of equal scores shares.
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[where][positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _checked(answers: Array, truth: Array) -> tuple[Array, Array]:
    answers, truth = np.asarray(answers, dtype=np.float64), np.asarray(truth)
    if answers.ndim != 2 or truth.shape != answers.shape[:1] or not len(truth):
        raise ShapeError(
            "expected probabilities [N, K] and class indices [N], N >= 1, "
            f"got {list(answers.shape)} and {list(truth.shape)}"
        )
    if not np.issubdtype(truth.dtype, np.integer) or truth.min() < 0:
        raise ShapeError(f"expected class indices from 0 on, got {truth.dtype}")
    if truth.max() >= answers.shape[1]:
        raise ShapeError(f"class index {truth.max()} has no column in {answers.shape[1]} classes")
    return answers, truth
