"""Severity orders by kind first and by strength within; settings are written as flags."""

from itertools import pairwise

import pytest

from recurra.spec.settings import section_of
from recurra.train.doctor.finding import LATE, RANKS, fall_of, finding, flag
from recurra.train.doctor.judge import RULES


def made(name: str, strength: float):
    return finding(name, strength, "seen", "why", "advice", {}, {})["severity"]


def test_the_strongest_of_a_lower_rank_stays_below_the_weakest_of_a_higher_one():
    ranks = sorted(set(RANKS.values()))
    by_rank = {rank: name for name, rank in RANKS.items()}
    for low, high in pairwise(ranks):
        assert made(by_rank[low], 9.0) < made(by_rank[high], 0.0)
    assert made("leak", 0.1) < made("leak", 0.9)


def test_what_follows_from_something_else_stands_behind_what_it_may_follow_from():
    late = finding("saturation", 1.0, "", "", "", {}, {}, late=True)["severity"]
    assert made("learning_rate_high", 0.0) > late > made("overfitting", 1.0)
    assert LATE not in RANKS.values()


def test_every_rule_has_a_rank():
    assert set(RULES) == set(RANKS)


def test_settings_are_flags_that_exist():
    given = {"learning_rate": 1e-3, "clip_norm": 2.0, "crf": False, "watch": "macro_f1"}
    assert flag(given) == "--learning-rate 0.001 --clip-norm 2 --no-crf --watch macro_f1"
    assert flag({"bidirectional": True, "levels": (0.1, 0.9)}) == (
        "--bidirectional --levels 0.1,0.9"
    )
    assert all(section_of(name) for name in given)


def test_a_fall_is_a_share_of_the_first_loss():
    assert fall_of([2.0, 1.0, 1.5]) == pytest.approx(0.5)
    assert fall_of([0.0, 1.0]) == 0.0
