"""The figures of a language model, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from recurra.errors import ShapeError
from recurra.metrics.generate import bits, nll, perplexity


def test_the_mean_is_taken_over_all_steps_together() -> None:
    """A long sequence weighs more than a short one."""
    assert nll(np.array([2.0, 10.0]), np.array([1, 5])) == 2.0


def test_a_fair_die_has_the_perplexity_of_its_sides() -> None:
    """log 8 nats a symbol are 3 bits, and 8 equally likely symbols."""
    nats, steps = np.array([4 * math.log(8)]), np.array([4])
    assert bits(nats, steps) == pytest.approx(3)
    assert perplexity(nats, steps) == pytest.approx(8)


def test_a_hopeless_model_has_an_infinite_perplexity() -> None:
    """Beyond what float64 holds it is infinite, not an error."""
    assert perplexity(np.array([1e6]), np.array([1])) == math.inf


@pytest.mark.parametrize(
    ("nats", "steps"), [([1.0], [1, 2]), ([[1.0]], [[1]]), ([0.0], [0]), ([], [])]
)
def test_what_has_no_mean_is_refused(nats: list[float], steps: list[int]) -> None:
    """Other axes, or no step at all."""
    with pytest.raises(ShapeError, match="at least one step"):
        nll(np.array(nats), np.array(steps))
