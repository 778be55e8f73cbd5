"""Law: the best path, every marginal and every tie are those of a list of all paths."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.decode.viterbi import (
    Potentials,
    advance,
    best_paths,
    marginals,
    path_score,
    traced,
    unfold,
)

Array = npt.NDArray[Any]


@st.composite
def chains(draw: st.DrawFn) -> tuple[Array, Potentials]:
    """Emissions [T, K] and potentials: fractions, or small whole numbers (many ties); some -inf."""
    count, time = draw(st.integers(2, 4)), draw(st.integers(1, 5))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    whole = draw(st.booleans())

    def array(*shape: int) -> Array:
        return generator.integers(-1, 2, shape) * 1.0 if whole else generator.normal(size=shape)

    follow = array(count, count)
    forbidden = generator.random((count, count)) < draw(st.sampled_from([0.0, 0.4]))
    # Tag 0 may follow itself, begin and end, so that there always is a path.
    forbidden[0, 0] = False
    return array(time, count), Potentials(
        array(count), np.where(forbidden, -np.inf, follow), array(count)
    )


def every_path(emissions: Array, potentials: Potentials) -> dict[tuple[int, ...], float]:
    time, count = emissions.shape
    return {
        path: potentials.start[path[0]]
        + sum(emissions[t, tag] for t, tag in enumerate(path))
        + sum(potentials.follow[a, b] for a, b in pairwise(path))
        + potentials.end[path[-1]]
        for path in product(range(count), repeat=time)
    }


@settings(max_examples=80, deadline=None)
@given(chains())
def test_the_path_is_the_best_of_all_and_the_lowest_among_equals(
    chain: tuple[Array, Potentials],
) -> None:
    emissions, potentials = chain
    scores = every_path(emissions, potentials)
    best = max(scores.values())
    # Sums in another order differ in the last bits.
    equal = [path for path, score in scores.items() if score >= best - 1e-9]
    found = best_paths(emissions[None], potentials, np.array([len(emissions)]))[0]
    assert tuple(found) == min(equal, key=lambda path: path[::-1])
    assert path_score(emissions, potentials, found) == pytest.approx(best)


@settings(max_examples=80, deadline=None)
@given(chains())
def test_marginals_are_those_of_all_paths(chain: tuple[Array, Potentials]) -> None:
    emissions, potentials = chain
    expected = np.zeros_like(emissions)
    total = 0.0
    for path, score in every_path(emissions, potentials).items():
        total += np.exp(score)
        expected[np.arange(len(path)), list(path)] += np.exp(score)
    found, log_total = marginals(emissions, potentials)
    np.testing.assert_allclose(found, expected / total, atol=1e-12)
    assert log_total == pytest.approx(np.log(total))


@settings(max_examples=40, deadline=None)
@given(chains(), st.integers(0, 2**32 - 1))
def test_neighbours_and_padding_change_no_path(chain: tuple[Array, Potentials], seed: int) -> None:
    emissions, potentials = chain
    time, count = emissions.shape
    many = np.random.default_rng(seed).normal(size=(3, time + 4, count))
    many[1, :time] = emissions
    together = best_paths(many, potentials, np.array([time + 4, time, 0]))
    alone = best_paths(emissions[None], potentials, np.array([time]))[0]
    np.testing.assert_array_equal(together[1, :time], alone)
    assert not together[1, time:].any()
    assert not together[2].any()


@settings(max_examples=40, deadline=None)
@given(chains())
def test_step_by_step_the_origins_lead_to_the_same_path(chain: tuple[Array, Potentials]) -> None:
    emissions, potentials = chain
    scores, origins = None, []
    for row in emissions:
        scores, before = advance(scores, row[None], potentials)
        origins.append(before[0])
    assert scores is not None
    last = (scores + potentials.end).argmax(1)
    path = traced(last, np.stack(origins[1:])) if len(origins) > 1 else last[None]
    whole = best_paths(emissions[None], potentials, np.array([len(emissions)]))[0]
    np.testing.assert_array_equal(path[:, 0], whole)


def test_a_stream_of_any_length_keeps_its_scores_small() -> None:
    potentials = Potentials(np.zeros(2), np.zeros((2, 2)), np.zeros(2))
    scores = None
    for _ in range(1000):
        scores, _ = advance(scores, np.array([[1e6, 1e6 + 1.0]]), potentials)
    assert scores is not None
    np.testing.assert_array_equal(scores, [[-1.0, 0.0]])


def test_no_row_and_no_step_give_no_path_and_a_row_unfolds() -> None:
    potentials = unfold(np.arange(8, dtype=np.float32), 2)
    np.testing.assert_array_equal(potentials.start, [0, 1])
    np.testing.assert_array_equal(potentials.follow, [[2, 3], [4, 5]])
    np.testing.assert_array_equal(potentials.end, [6, 7])
    assert best_paths(np.zeros((0, 3, 2)), potentials, np.zeros(0, np.int64)).shape == (0, 3)
    assert best_paths(np.zeros((2, 0, 2)), potentials, np.zeros(2, np.int64)).shape == (2, 0)
