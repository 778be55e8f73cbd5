"""Times within a case must rise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import DataError

__all__ = ["check_times", "first_fault"]

Array = npt.NDArray[Any]


def first_fault(times: Array, shown: Sequence[str] | None = None) -> tuple[int, str] | None:
    """The first step whose time does not rise, and what is wrong with it; None: all is well.

    Args:
        times: [T].
        shown: How each time is written in its file; None: as numbers.
    """
    gaps = np.diff(times)
    wrong = np.flatnonzero(~(gaps > 0))
    if len(wrong) == 0:
        return None
    step = int(wrong[0]) + 1
    numbers = [f"{time:.15g}" for time in times[step - 1 : step + 1]]
    before, now = numbers if shown is None else shown[step - 1 : step + 1]
    if times[step - 1] == times[step]:
        return step, f"expected one row for each time of a case, got the time {now} twice"
    return step, f"expected times that rise within a case, got {now} after {before}"


def check_times(times: Array) -> None:
    """Refuse times [T] that stand still or run backwards."""
    fault = first_fault(times)
    if fault is not None:
        raise DataError(f"step {fault[0]}: {fault[1]}: sort the rows or correct the time")
