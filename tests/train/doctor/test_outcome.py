"""What came of a training is measured against what needs no network, with its error."""

import pytest

from recurra.train.doctor import outcome

RULES = [
    outcome.nothing_to_learn,
    outcome.imbalance,
    outcome.loses_to_baseline,
    outcome.flat_forecast,
]
LOST = {
    "answers": {"true": [20, 20], "called": [22, 18], "right": [11, 9]},
    "figures": {"accuracy": 0.5},
    "naive": {
        "majority": {"accuracy": 0.5, "balanced": 0.5},
        "linear": {"accuracy": 0.52, "balanced": 0.52},
    },
}


@pytest.mark.parametrize("rule", RULES)
def test_a_healthy_training_says_nothing(rule, seen):
    assert rule(seen()) is None


@pytest.mark.parametrize("rule", RULES)
def test_without_held_out_cases_nothing_is_said(rule, seen):
    nothing = {"figures": None, "naive": None, "answers": {}}
    assert rule(seen(sequences={"train": 200, "held": 0}, **nothing)) is None


def test_nothing_to_learn_is_when_a_linear_model_finds_nothing_either(seen):
    assert outcome.nothing_to_learn(seen(**LOST))["name"] == "nothing_to_learn"
    linear = {"majority": LOST["naive"]["majority"], "linear": {"accuracy": 0.9, "balanced": 0.9}}
    assert outcome.nothing_to_learn(seen(**{**LOST, "naive": linear})) is None
    assert outcome.loses_to_baseline(seen(**{**LOST, "naive": linear})) is not None


def test_numbers_that_nothing_explains_are_nothing_to_learn(seen):
    naive = {"mean": {"mse": 4.0}, "linear": {"mse": 4.2}}
    lost = {"task": "regress", "answers": {}, "naive": naive}
    assert outcome.nothing_to_learn(seen(figures={"mse": 4.1}, **lost)) is not None
    assert outcome.nothing_to_learn(seen(figures={"mse": 1.0}, **lost)) is None


def test_a_rare_class_that_is_never_named_is_an_imbalance(seen):
    rare = {"true": [36, 8], "called": [44, 0], "right": [36, 0]}
    counts = {"target.counts": [160, 40]}
    found = outcome.imbalance(seen(answers=rare, **counts))
    assert found["evidence"]["class"] == "hot"
    assert found["settings"]["class_weight"] == "balanced"
    assert outcome.imbalance(seen(answers={**rare, "right": [36, 5]}, **counts)) is None
    # Of classes of like size it has other reasons.
    assert outcome.imbalance(seen(answers=rare)) is None


def test_a_rival_must_be_better_by_more_than_chance(seen):
    close = {"linear": {"accuracy": 0.95, "balanced": 0.95}}
    assert outcome.loses_to_baseline(seen(naive=close)) is None
    assert outcome.loses_to_baseline(seen(naive=close, figures={"accuracy": 0.6})) is not None


def test_a_flat_forecast_is_one_where_another_foresees_the_moves(seen):
    naive = {name: {"mae": mae} for name, mae in (("last_value", 2.0), ("seasonal_naive", 0.5))}
    flat = {"task": "forecast", "figures": {"mae": 2.0}, "naive": naive}
    still, moving = ({"moves": moves, "true_moves": 0.3} for moves in (0.01, 0.25))
    assert outcome.flat_forecast(seen(answers=still, **flat))["evidence"]["moves"] == 0.01
    assert outcome.flat_forecast(seen(answers=moving, **flat)) is None
    walk = {"last_value": {"mae": 2.0}, "seasonal_naive": {"mae": 2.1}}
    assert outcome.flat_forecast(seen(answers=still, **{**flat, "naive": walk})) is None
