"""All figures of a task at once, under the names of `spec.report.METRICS`."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from recurra.errors import SpecError
from recurra.metrics import classify, regress
from recurra.spec.report import METRICS

__all__ = ["evaluate"]


def evaluate(
    task: str,
    answers: npt.NDArray[Any],
    truth: npt.NDArray[Any],
    called: npt.NDArray[Any] | None = None,
) -> dict[str, float]:
    """The task's figures.

    Args:
        task: "classify" or "regress".
        answers: Probabilities [N, K]; or values [N] or [N, D], in the target's units.
        truth: Class indices [N]; or values of the answers' shape.
        called: The classes that are called, [N], where they are not the most probable ones.

    Returns:
        Name -> figure; `auc` only where there are two classes and both occur.

    Raises:
        ShapeError: the arrays do not fit each other.
        SpecError: the task has no figures.
    """
    if task not in METRICS:
        raise SpecError(f"task must be one of {', '.join(METRICS)}; got {task!r}")
    module = classify if task == "classify" else regress
    figures = {}
    for name in METRICS[task]:
        if name == "auc" and answers.shape[1] != 2:
            continue
        more = {"called": called} if name in ("accuracy", "macro_f1") else {}
        figure = getattr(module, name)(answers, truth, **more)
        if figure is not None:
            figures[name] = figure
    return figures
