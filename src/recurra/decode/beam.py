"""Beam search over `step(tokens, state) -> log-probabilities`, many sources at once.

At every step each source's living hypotheses are continued by every token. Of the `width` best
continuations those that take the end are finished; the `width` best that do not take it live on. A
source is done when no living hypothesis can still get among its `width` best finished ones, so
with a width that drops nothing the search is exact.

Ties: the continuation of the better-ranked hypothesis first, then the lower token; among finished
hypotheses of one score the one that was finished first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.decode.greedy import Hypothesis, StepFunction, check_step, chosen
from recurra.errors import SpecError

__all__ = ["beam_search"]

Array = npt.NDArray[Any]


@dataclass
class _Source:
    """One source's search: living hypotheses best first, and the finished ones."""

    longest: int
    tokens: list[tuple[int, ...]] = field(default_factory=lambda: [()])
    totals: Array = field(default_factory=lambda: np.zeros(1))
    finished: list[Hypothesis] = field(default_factory=list)


def beam_search(
    step: StepFunction,
    state: Any,
    longest: Array,
    *,
    start: int,
    end: int,
    width: int,
    length_penalty: float = 0.0,
) -> list[list[Hypothesis]]:
    """The most probable outputs of each source, best first.

        score = log p(tokens, end) / (tokens + 1) ** length_penalty

    Args:
        step: The model; each row's result depends on that row alone. Rows of one source stand side
            by side; each source has `width` rows at most.
        state: Arrays [B, ...] in tuples, or a mapping of such, ahead of the first step.
        longest: [B], the most tokens of each output; the end is forced after so many.
        start: The token that goes in first.
        end: The token that ends an output.
        width: Hypotheses that are kept for each source.
        length_penalty: 0: the bare log-probability; 1: its mean over the tokens; long outputs gain
            with it.

    Returns:
        For each source up to `width` hypotheses; at least one where the end is never impossible.

    Raises:
        SpecError: the width is not positive, or the penalty is negative or not finite.

    Source: Sutskever et al. 2014, arXiv:1409.3215, section 3.2; the penalty by Koehn & Knowles
    2017, arXiv:1706.03872, section 3.6.
    """
    if width < 1 or not 0 <= length_penalty < float("inf"):
        raise SpecError(
            f"beam search expected width >= 1 and length_penalty >= 0, got {width} and "
            f"{length_penalty}"
        )
    sources = [_Source(int(most)) for most in longest]
    alive = list(sources)
    newest = np.full(len(sources), start, np.int64)
    while alive:
        found, state = step(newest, state)
        check_step(found, len(newest))
        parents: list[Array] = []
        first = 0
        for source in alive:
            rows = len(source.totals)
            kept = _advance(source, found[first : first + rows], end, width, length_penalty)
            parents.append(first + kept)
            first += rows
        alive = [source for source in alive if len(source.totals)]
        state = chosen(state, np.concatenate(parents))
        newest = np.array([tokens[-1] for source in alive for tokens in source.tokens], np.int64)
    return [source.finished for source in sources]


def _advance(source: _Source, found: Array, end: int, width: int, penalty: float) -> Array:
    """Continue a source by one token; gives the parents of those that live on, none at the end."""
    continued = source.totals[:, None] + found
    length = len(source.tokens[0]) + 1
    if length > source.longest:
        ending = continued[:, end].copy()
        continued[:] = -np.inf
        continued[:, end] = ending
    tokens: list[tuple[int, ...]] = []
    totals: list[float] = []
    parents: list[int] = []
    # Each hypothesis ends in one way only, so among so many there are `width` that go on.
    for rank, place in enumerate(_best(continued.ravel(), 2 * width)):
        parent, token = divmod(int(place), continued.shape[1])
        total = float(continued.flat[place])
        if token != end:
            tokens.append((*source.tokens[parent], token))
            totals.append(total)
            parents.append(parent)
        elif rank < width:
            score = total / length**penalty
            source.finished.append(Hypothesis(source.tokens[parent], total, score))
    source.finished.sort(key=lambda hypothesis: -hypothesis.score)
    del source.finished[width:]
    source.tokens, source.totals = tokens[:width], np.array(totals[:width])
    if _is_done(source, width, penalty):
        source.tokens, source.totals = [], np.zeros(0)
    return np.array(parents[: len(source.totals)], np.int64)


def _is_done(source: _Source, width: int, penalty: float) -> bool:
    """Whether no living hypothesis can become one of the best."""
    if not len(source.totals):
        return True
    if len(source.finished) < width:
        return False
    # Every further token lowers the sum, and none divides by more than the longest output does.
    attainable = source.totals[0] / (source.longest + 1) ** penalty
    return bool(attainable <= source.finished[width - 1].score)


def _best(values: Array, count: int) -> Sequence[int]:
    """Places of the highest finite values, highest first, the lower place among equals."""
    if count < len(values):
        least = np.partition(values, -count)[-count]
        places = np.flatnonzero((values >= least) & (values > -np.inf))
    else:
        places = np.flatnonzero(values > -np.inf)
    order = np.argsort(-values[places], kind="stable")[:count]
    best: list[int] = places[order].tolist()
    return best
