"""The learning rate rises over the warm-up, falls as named, and depends on the step alone."""

import math
from itertools import pairwise

import pytest

from recurra.spec.settings import TrainingSettings
from recurra.train.schedule import learning_rate


def rates(steps: int = 100, **settings: object) -> list[float]:
    chosen = TrainingSettings(**{"learning_rate": 0.1, "warmup": 0.1, **settings})
    return [learning_rate(step, steps, chosen) for step in range(steps)]


@pytest.mark.parametrize("schedule", ["constant", "cosine", "linear"])
def test_warm_up_is_linear_and_ends_at_the_highest_rate(schedule: str) -> None:
    values = rates(schedule=schedule)
    assert values[:10] == pytest.approx([0.01 * (k + 1) for k in range(10)])
    assert values[10] == max(values) == pytest.approx(0.1)


def test_constant_stays() -> None:
    assert set(rates(schedule="constant")[10:]) == {0.1}


def test_linear_falls_by_equal_steps() -> None:
    values = rates(schedule="linear")[10:]
    falls = [a - b for a, b in pairwise(values)]
    assert falls == pytest.approx([0.99 * 0.1 / 90] * 89)


def test_cosine_is_the_half_wave_above_its_floor() -> None:
    values = rates(schedule="cosine")
    wanted = [0.1 * (0.01 + 0.99 * (1 + math.cos(math.pi * k / 90)) / 2) for k in range(90)]
    assert values[10:] == pytest.approx(wanted)
    assert values[-1] > 0


def test_without_warm_up_the_first_step_has_the_highest_rate() -> None:
    assert rates(warmup=0.0, schedule="cosine")[0] == pytest.approx(0.1)


def test_all_warm_up_never_falls() -> None:
    values = rates(warmup=1.0, schedule="cosine")
    assert values == sorted(values)
    assert values[-1] == pytest.approx(0.1)


def test_one_step_in_all_learns() -> None:
    assert rates(steps=1) == pytest.approx([0.1])
