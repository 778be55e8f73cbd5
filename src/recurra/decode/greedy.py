"""Greedy search: the most probable symbol at every step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from recurra.errors import ShapeError
from recurra.spec.state import map_arrays

__all__ = ["Hypothesis", "StepFunction", "check_step", "chosen", "greedy_search"]

Array = npt.NDArray[Any]
# step(tokens [N], state) -> log-probabilities [N, V] float64 of the next token, state.
StepFunction = Callable[[Array, Any], tuple[Array, Any]]


class Hypothesis(NamedTuple):
    """One output of a search.

    Args:
        tokens: Without the start and the end.
        log_probability: Of the tokens and the end that follows them, in nats.
        score: By which hypotheses are ranked: log_probability / (tokens + 1) ** length_penalty.
    """

    tokens: tuple[int, ...]
    log_probability: float
    score: float


def greedy_search(
    step: StepFunction, state: Any, longest: Array, *, start: int, end: int
) -> list[Hypothesis]:
    """Take the most probable token (lowest number among equals) until the end is the most probable.

    Args:
        step: The model; each row's result depends on that row alone.
        state: Arrays [B, ...] in tuples, or a mapping of such, ahead of the first step.
        longest: [B], the most tokens of each output; the end is forced after so many.
        start: The token that goes in first.
        end: The token that ends an output.

    Returns:
        One hypothesis a row; its score is its log-probability.
    """
    longest = np.asarray(longest)
    tokens: list[list[int]] = [[] for _ in longest]
    totals = np.zeros(len(longest))
    alive = np.arange(len(longest))
    newest = np.full(len(longest), start, np.int64)
    while len(alive):
        found, state = step(newest, state)
        check_step(found, len(alive))
        newest = found.argmax(axis=1)
        newest[[len(tokens[row]) >= longest[row] for row in alive]] = end
        totals[alive] += found[np.arange(len(alive)), newest]
        going = newest != end
        for row, token in zip(alive[going], newest[going], strict=True):
            tokens[row].append(int(token))
        if not going.all():
            alive, newest = alive[going], newest[going]
            state = chosen(state, np.flatnonzero(going))
    return [
        Hypothesis(tuple(found), float(total), float(total))
        for found, total in zip(tokens, totals, strict=True)
    ]


def chosen(state: Any, rows: Array) -> Any:
    """The rows numbered by `rows` of every array of a state."""
    if isinstance(state, Mapping):
        return {name: chosen(part, rows) for name, part in state.items()}
    return map_arrays(lambda array: array[rows], state)


def check_step(found: Array, rows: int) -> None:
    """Refuse what is no log-probabilities [N, V] of `rows` rows."""
    if found.ndim != 2 or len(found) != rows:
        raise ShapeError(
            f"search expected log-probabilities [N={rows}, V] of a step, got {list(found.shape)}"
        )
