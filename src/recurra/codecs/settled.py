"""Raw targets -> labels or numbers: what the task says or, left to itself, what they look like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from recurra.codecs.cases import Label
from recurra.codecs.target import as_number, check_label
from recurra.errors import DataError

__all__ = ["MOST_CLASSES", "Task", "settle_targets"]

Array = npt.NDArray[Any]
Task = Literal["auto", "classify", "regress"]

# Whole numbers of more different values than this are a quantity rather than names of classes.
MOST_CLASSES = 20


def settle_targets(
    values: Sequence[Label],
    task: Task,
    error: Callable[[int, str], DataError],
) -> tuple[tuple[Label, ...] | Array, Literal["class", "number"]]:
    """Labels as they are, or float64 [N].

    With "auto" targets are numbers where all of them can be read as such and one has a fraction,
    or there are more than `MOST_CLASSES` different ones; anything else is a class.

    Args:
        values: One a case.
        task: What to learn.
        error: Case and message -> the error that points at the case.

    Raises:
        DataError: a target is no label, or no number where numbers are learnt.
    """
    for i, value in enumerate(values):
        try:
            check_label(value)
            if task == "regress":
                as_number(value)
        except DataError as problem:
            raise error(i, str(problem)) from None
    if task == "classify" or (task == "auto" and not _are_quantities(values)):
        return tuple(values), "class"
    return np.array([as_number(value) for value in values], dtype=np.float64), "number"


def _are_quantities(values: Sequence[Label]) -> bool:
    if any(isinstance(value, bool) for value in values):
        return False
    try:
        numbers = {as_number(value) for value in values}
    except DataError:
        return False
    return len(numbers) > MOST_CLASSES or any(not number.is_integer() for number in numbers)
