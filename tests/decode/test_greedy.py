"""Greedy search takes the most probable token at each step, row by row, and always ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.decode.greedy import greedy_search
from recurra.errors import ShapeError

# Log-probabilities by the token before; 0 starts, 1 ends.
TABLE = np.log(
    [
        [0.10, 0.20, 0.40, 0.30],
        [0.25, 0.25, 0.25, 0.25],
        [0.05, 0.15, 0.40, 0.40],
        [0.10, 0.70, 0.10, 0.10],
    ]
)


def step(tokens: Any, state: Any) -> tuple[Any, Any]:
    (offset,) = state
    return TABLE[(tokens + offset[:, 0]) % 4], state


def test_each_step_takes_the_most_probable() -> None:
    """The lowest token among equals; the end is forced where the output may not grow."""
    offsets = np.array([[0], [0], [3]])
    found = greedy_search(step, (offsets,), np.array([3, 0, 5]), start=0, end=1)
    # Row 0: after 2 the tokens 2 and 3 tie, so 2 again until the end is forced.
    assert found[0].tokens == (2, 2, 2)
    wanted = TABLE[0, 2] + 2 * TABLE[2, 2] + TABLE[2, 1]
    assert found[0].log_probability == found[0].score == pytest.approx(wanted)
    assert found[1] == ((), TABLE[0, 1], TABLE[0, 1])
    # Row 2 reads the table's last line first, where the end is the most probable.
    assert found[2] == ((), TABLE[3, 1], TABLE[3, 1])


def test_rows_that_ended_are_not_asked_again() -> None:
    """The step sees living rows only."""
    seen = []

    def watched(tokens: Any, state: Any) -> tuple[Any, Any]:
        seen.append(len(tokens))
        return step(tokens, state)

    greedy_search(watched, (np.array([[0], [3], [0]]),), np.array([2, 2, 1]), start=0, end=1)
    assert seen == [3, 2, 1]


def test_other_axes_are_refused() -> None:
    """A step that gives no [N, V] is named."""
    with pytest.raises(ShapeError, match=r"\[N=1, V\] of a step, got \[4\]"):
        greedy_search(
            lambda t, s: (TABLE[0], s), (np.zeros((1, 1)),), np.array([1]), start=0, end=1
        )
