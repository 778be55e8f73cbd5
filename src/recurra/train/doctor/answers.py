"""How the answers to watched cases are spread: over classes, over a horizon."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs.windows import Windows
from recurra.spec.batch import EncodedCases

__all__ = ["answers_of", "class_answers", "forecast_answers"]

Array = npt.NDArray[Any]
# Classes beyond which no one reads a table of them.
_MOST_CLASSES = 60
_MOST_WINDOWS = 400


def answers_of(task: str, answers: Any, encoded: EncodedCases, decoder: Any) -> dict[str, Any]:
    """What can be said of a task's answers; {}: nothing.

    Args:
        task: Its name.
        answers: As the model gave them.
        encoded: The cases with their truth.
        decoder: Of the model.
    """
    if task == "classify":
        called = decoder.choose(np.asarray(answers))
        truth = np.array([int(case.rows["y"]) for case in encoded])
        return class_answers(called, truth)
    if task == "tag":
        truth = np.concatenate([case.steps["y"] for case in encoded])
        return class_answers(np.concatenate([np.asarray(answer) for answer in answers]), truth)
    if task == "forecast" and isinstance(encoded, Windows):
        return forecast_answers(answers, encoded)
    return {}


def class_answers(called: Array, truth: Array) -> dict[str, Any]:
    """Of each class how often it is true, called, and rightly called."""
    known = truth >= 0
    called, truth = called[known].astype(np.int64), truth[known].astype(np.int64)
    count = int(max(called.max(initial=0), truth.max(initial=0))) + 1
    if count > _MOST_CLASSES:
        return {}
    right = called[called == truth]
    return {
        name: np.bincount(values, minlength=count).tolist()
        for name, values in (("true", truth), ("called", called), ("right", right))
    }


def forecast_answers(answers: Any, windows: Windows) -> dict[str, Any]:
    """How much forecasts move over the horizon, beside how much the truth does.

    Returns:
        `moves` and `true_moves`: mean absolute step from row to row; `differs` and `true_differs`:
        deviation over the windows of what is put on top of a window's last value; all in
        deviations of the truth.
    """
    index = np.unique(
        np.linspace(0, len(windows) - 1, min(len(windows), _MOST_WINDOWS)).astype(np.int64)
    )
    truth = windows.truth(index)
    points = np.stack([np.asarray(answers[int(k)].points) for k in index])
    deviation = float(np.nanstd(truth))
    found: dict[str, Any] = {}
    if truth.shape[1] > 1 and deviation > 0:
        found["moves"] = float(np.abs(np.diff(points, axis=1)).mean() / deviation)
        found["true_moves"] = float(np.nanmean(np.abs(np.diff(truth, axis=1))) / deviation)
    if len(index) > 2 and deviation > 0:
        last = windows.past(index, 1)
        found["differs"] = float((points - last).std(axis=0).mean() / deviation)
        found["true_differs"] = float(np.nanstd(truth - last, axis=0).mean() / deviation)
    return found
