"""A beam that drops nothing is exact; a narrow one does, step by step, what its text says."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.decode.beam import beam_search
from recurra.decode.greedy import Hypothesis, greedy_search
from recurra.errors import SpecError
from recurra.kernels.elementwise import log_softmax

START, END = 0, 1


class Chain:
    """A model whose log-probabilities depend on all tokens so far, as a state [N, D] keeps them."""

    def __init__(self, seed: int, sources: int, tokens: int = 4, *, coarse: bool = False) -> None:
        rng = np.random.default_rng(seed)
        self.mix, self.embed = rng.normal(size=(5, 5)), rng.normal(size=(tokens, 5))
        self.head = rng.normal(size=(5, tokens)) * 2
        self.first = rng.normal(size=(sources, 5))
        self.coarse = coarse

    def step(self, tokens: Any, state: Any) -> tuple[Any, Any]:
        (h,) = state["cell"]
        # One row after the other: a matrix product may round a row by how many there are.
        rows = [np.tanh(row @ self.mix + self.embed[k]) for row, k in zip(h, tokens, strict=True)]
        h = np.array(rows).reshape(len(h), 5)
        found = log_softmax(np.array([row @ self.head for row in h]).reshape(len(h), -1))
        # Halves make ties, so that their order is seen.
        return (np.round(found * 2) / 2 if self.coarse else found), {"cell": (h,)}

    def total(self, source: int, tokens: tuple[int, ...]) -> float:
        state, total = {"cell": (self.first[source : source + 1],)}, 0.0
        for before, token in itertools.pairwise((START, *tokens, END)):
            found, state = self.step(np.array([before]), state)
            total += float(found[0, token])
        return total

    def search(self, longest: Any, width: int, penalty: float = 0.0) -> list[list[Hypothesis]]:
        state = {"cell": (self.first,)}
        return beam_search(
            self.step, state, longest, start=START, end=END, width=width, length_penalty=penalty
        )


def every_output(longest: int, tokens: int) -> list[tuple[int, ...]]:
    symbols = [k for k in range(tokens) if k != END]
    return [t for n in range(longest + 1) for t in itertools.product(symbols, repeat=n)]


@given(seed=st.integers(0, 2**31), penalty=st.sampled_from([0.0, 0.7, 1.0]))
def test_a_beam_that_drops_nothing_is_exact(seed: int, penalty: float) -> None:
    """Against every output there is, for sources of different lengths side by side."""
    longest = np.array([3, 0, 2])
    chain = Chain(seed, len(longest))
    # All outputs of three symbols, each of which may end.
    answers = chain.search(longest, 4 * 3**3, penalty)
    for source, most in enumerate(longest):
        outputs = every_output(int(most), 4)
        totals = {tokens: chain.total(source, tokens) for tokens in outputs}
        wanted = sorted(outputs, key=lambda t: -totals[t] / (len(t) + 1) ** penalty)
        assert [answer.tokens for answer in answers[source]] == wanted
        for answer in answers[source]:
            assert answer.log_probability == pytest.approx(totals[answer.tokens], abs=1e-9)
            scale = (len(answer.tokens) + 1) ** penalty
            assert answer.score == pytest.approx(answer.log_probability / scale, abs=1e-12)


def plainly(chain: Chain, source: int, longest: int, width: int, penalty: float) -> list[Any]:
    """The module's text, word for word, one hypothesis at a time and without stopping early."""
    living: list[Any] = [((), 0.0, {"cell": (chain.first[source : source + 1],)})]
    finished: list[Any] = []
    for length in range(longest + 1):
        continued = []
        for tokens, total, state in living:
            found, after = chain.step(np.array([(START, *tokens)[-1]]), state)
            for token, value in enumerate(found[0]):
                if length < longest or token == END:
                    continued.append(((*tokens, token), total + float(value), after))
        # sorted is stable: the better-ranked hypothesis, then the lower token.
        continued.sort(key=lambda entry: -entry[1])
        for tokens, total, _ in continued[:width]:
            if tokens[-1] == END:
                finished.append((tokens[:-1], total, total / len(tokens) ** penalty))
        living = [entry for entry in continued if entry[0][-1] != END][:width]
    return sorted(finished, key=lambda entry: -entry[2])[:width]


@given(
    seed=st.integers(0, 2**31),
    width=st.integers(1, 4),
    penalty=st.sampled_from([0.0, 1.0]),
    coarse=st.booleans(),
)
def test_a_narrow_beam_does_what_it_says(
    seed: int, width: int, penalty: float, coarse: bool
) -> None:
    """Tokens, scores and order, ties among them, are those of the plain words."""
    longest = np.array([5, 3, 1, 6])
    chain = Chain(seed, len(longest), coarse=coarse)
    for source, found in enumerate(chain.search(longest, width, penalty)):
        wanted = plainly(chain, source, int(longest[source]), width, penalty)
        assert [tuple(hypothesis) for hypothesis in found] == wanted


@given(seed=st.integers(0, 2**31))
def test_a_beam_of_one_is_greedy(seed: int) -> None:
    """Without a penalty, the one hypothesis of a beam of one is that of greedy search."""
    longest = np.array([4, 6, 0])
    chain = Chain(seed, len(longest))
    greedy = greedy_search(chain.step, {"cell": (chain.first,)}, longest, start=START, end=END)
    assert [answer[0] for answer in chain.search(longest, 1)] == greedy


@given(seed=st.integers(0, 2**31), width=st.integers(1, 3))
def test_neighbours_change_nothing(seed: int, width: int) -> None:
    """A source alone gives, to the bit, what it gives in a batch."""
    chain = Chain(seed, 4)
    together = chain.search(np.array([5, 2, 4, 0]), width)
    first = chain.first
    for source, most in enumerate((5, 2, 4, 0)):
        chain.first = first[source : source + 1]
        assert chain.search(np.array([most]), width) == [together[source]]


def test_a_wider_beam_finds_what_greedy_misses() -> None:
    """Where the best first symbol leads nowhere, width 2 finds the better output."""
    table = {
        (0,): [-np.inf, np.log(0.1), np.log(0.5), np.log(0.4)],
        (0, 2): [-np.inf, np.log(0.4), np.log(0.3), np.log(0.3)],
        (0, 3): [-np.inf, np.log(0.98), np.log(0.01), np.log(0.01)],
    }

    def step(tokens: Any, state: Any) -> tuple[Any, Any]:
        history = [(*past, int(token)) for past, token in zip(state[0], tokens, strict=True)]
        found = np.array([table.get(h, [-np.inf, 0.0, -np.inf, -np.inf]) for h in history])
        after = np.empty(len(history), object)
        after[:] = history
        return found, (after,)

    state = (np.array([()], object).reshape(1, 0),)
    narrow, wide = (
        beam_search(step, state, np.array([3]), start=0, end=1, width=width)[0][0].tokens
        for width in (1, 2)
    )
    assert narrow == (2,)
    assert wide == (3,)


def test_a_penalty_favours_longer_outputs() -> None:
    """Two outputs of the same mean: the sum prefers the short one, the mean the long one."""

    def step(tokens: Any, state: Any) -> tuple[Any, Any]:
        found = np.log(np.tile([1e-9, 0.4, 0.6], (len(tokens), 1)))
        return found, state

    state = (np.zeros((1, 1)),)
    tokens = [
        len(
            beam_search(
                step, state, np.array([6]), start=0, end=1, width=3, length_penalty=penalty
            )[0][0].tokens
        )
        for penalty in (0.0, 1.0)
    ]
    assert tokens == [0, 6]


@pytest.mark.parametrize(("width", "penalty"), [(0, 0.0), (1, -1.0), (1, float("nan"))])
def test_what_makes_no_beam_is_refused(width: int, penalty: float) -> None:
    """No width, and a penalty that has no meaning."""
    with pytest.raises(SpecError, match="width >= 1 and length_penalty >= 0"):
        Chain(0, 1).search(np.array([1]), width, penalty)
