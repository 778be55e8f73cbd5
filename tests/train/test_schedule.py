"""The learning rate rises over the warm-up, falls as named, and depends on the step alone."""

import math
from itertools import pairwise

import pytest

from recurra.spec.settings import TrainingSettings
from recurra.train.fit import fit_cases
from recurra.train.schedule import falls, learning_rate
from train import comparing


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
    drops = [a - b for a, b in pairwise(values)]
    assert drops == pytest.approx([0.99 * 0.1 / 90] * 89)


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


def test_steps_fall_at_their_epochs() -> None:
    values = rates(schedule="step", warmup=0.0, epochs=10, decay_epochs=3, decay_factor=0.5)
    assert values == pytest.approx([0.1 * 0.5 ** (k // 10 // 3) for k in range(100)])


def test_exponential_falls_by_the_factor_in_its_epochs() -> None:
    values = rates(schedule="exponential", warmup=0.0, epochs=10, decay_epochs=2)
    assert values[20] == pytest.approx(values[0] / 2)
    ratios = [b / a for a, b in pairwise(values)]
    assert ratios == pytest.approx([ratios[0]] * 99)


def test_the_inverse_square_root_is_continuous_at_the_warm_up() -> None:
    values = rates(schedule="inverse_sqrt")
    assert values[9] == pytest.approx(0.1)
    assert values[39] == pytest.approx(0.05)


def test_one_cycle_rises_for_three_tenths() -> None:
    values = rates(schedule="one_cycle")
    assert values[0] == pytest.approx(0.004)
    assert values.index(max(values)) == 30
    assert max(values) == pytest.approx(0.1)
    assert values[-1] < 0.002


def test_a_plateau_is_counted_from_the_metrics() -> None:
    assert falls([], 2, larger_is_better=True) == 0
    assert falls([1, 2, 3], 1, larger_is_better=True) == 0
    assert falls([3, 1, 2, 1, 1], 2, larger_is_better=True) == 2
    assert falls([3, 1, 2, 0, 1, 1], 2, larger_is_better=False) == 1
    # A metric that only equals the best is none that is better.
    assert falls([1, 1, 1], 2, larger_is_better=False) == 1
    chosen = TrainingSettings(schedule="plateau", learning_rate=0.1, warmup=0.0, decay_factor=0.1)
    assert learning_rate(5, 10, chosen, fallen=2) == pytest.approx(0.001)


@pytest.mark.parametrize("watch", ["accuracy", "log_loss"])
def test_a_plateau_is_one_of_the_figure_that_is_watched(watch: str) -> None:
    """Of a loss that falls the rate stays; a figure that is better when larger rises."""
    plateau = {"schedule": "plateau", "decay_epochs": 1, "warmup": 0.0, "patience": 0}
    chosen = comparing.settings(watch=watch, epochs=8, **plateau)
    fitted = fit_cases(comparing.waves(), chosen)
    metrics = [record["metric"] for record in fitted.history]
    larger = watch == "accuracy"
    wanted = [
        0.02 * 0.5 ** falls(metrics[:epoch], 1, larger_is_better=larger) for epoch in range(8)
    ]
    assert [record["learning_rate"] for record in fitted.history] == pytest.approx(wanted)
    if not larger:
        assert metrics[-1] < metrics[0]
        assert wanted[-1] > 0.02 * 0.5**7
