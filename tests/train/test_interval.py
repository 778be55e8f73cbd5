"""An interval holds the truth about as often as it says, whatever it is that varies."""

import numpy as np
import pytest

from recurra.train.interval import Interval, intervals


@pytest.mark.parametrize(
    ("seeds", "cases", "of_seed", "of_case", "of_both"),
    [(5, 1, 1.0, 0.0, 0.0), (3, 1, 1.0, 0.0, 0.0), (5, 40, 0.1, 1.0, 3.0), (3, 40, 0.0, 1.0, 0.5)],
)
def test_intervals_hold_the_truth_as_often_as_they_say(
    seeds: int, cases: int, of_seed: float, of_case: float, of_both: float
) -> None:
    """0 is the truth of 120 experiments; 95 % +- 2.5 standard errors of them must find it."""
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(120):
        table = of_seed * random.normal(size=(seeds, 1)) + of_case * random.normal(size=cases)
        (found,) = intervals([table + of_both * random.normal(size=(seeds, cases))], draws=300)
        assert found is not None
        hits += not found.excludes_zero
    assert 0.90 <= hits / 120 <= 0.99


def test_a_pair_is_compared_on_the_same_seeds_and_cases() -> None:
    """What two cells share cancels: a small difference is seen beneath a large common spread."""
    random = np.random.default_rng(1)
    shared = random.normal(size=(5, 1)) + random.normal(size=200)
    better = shared + 0.05 + 0.01 * random.normal(size=(5, 200))
    alone, other, difference = intervals([better, shared, better - shared])
    assert alone is not None
    assert other is not None
    assert difference is not None
    assert alone.low < other.high
    assert difference.excludes_zero
    assert difference.low <= 0.05 <= difference.high


def test_one_seed_has_no_interval() -> None:
    found = intervals([np.ones((1, 50)), np.ones((2, 50))])
    assert found == [None, Interval(1.0, 1.0, 1.0)]


def test_the_same_tables_give_the_same_limits() -> None:
    table = np.random.default_rng(2).normal(size=(4, 30))
    (alone,) = intervals([table])
    beside, _ = intervals([table, 2 * table])
    assert alone == beside
    (other,) = intervals([table], seed=1)
    assert other != alone


def test_a_difference_of_nothing_is_not_excluded() -> None:
    assert not Interval(0.1, 0.0, 0.2).excludes_zero
    assert Interval(0.1, 0.01, 0.2).excludes_zero
    assert Interval(-0.1, -0.2, -0.01).excludes_zero
    assert Interval(0.5, 0.1, 0.9).limits == [0.1, 0.9]
