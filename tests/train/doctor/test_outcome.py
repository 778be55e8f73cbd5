"""What came of a training is measured against what needs no network, with its error."""

import pytest

from recurra.train.doctor import outcome
from recurra.train.doctor.judge import findings

RULES = [
    outcome.nothing_to_learn,
    outcome.imbalance,
    outcome.loses_to_baseline,
    outcome.flat_forecast,
    outcome.held_down,
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
    found = outcome.flat_forecast(seen(answers=still, **flat))
    assert found["evidence"]["share"] == pytest.approx(0.033, abs=1e-3)
    same = {**moving, "differs": 0.02, "true_differs": 0.9}
    assert "window to window" in outcome.flat_forecast(seen(answers=same, **flat))["seen"]
    assert outcome.flat_forecast(seen(answers=moving, **flat)) is None
    walk = {"last_value": {"mae": 2.0}, "seasonal_naive": {"mae": 2.1}}
    assert outcome.flat_forecast(seen(answers=still, **{**flat, "naive": walk})) is None


@pytest.mark.parametrize(
    ("setting", "value", "better"),
    [
        ("l2_kernel", 30.0, None),
        ("dropout", 0.95, 0.3),
        ("weight_decay", 100.0, 0.01),
        ("l1_recurrent", 9.0, None),
    ],
)
def test_what_outweighs_the_loss_is_named_where_the_network_comes_to_nothing(
    setting, value, better, seen
):
    heavy = {f"settings.{setting}": value}
    found = outcome.held_down(seen(figures={"accuracy": 0.4}, **heavy))
    assert list(found["settings"]) == [setting]
    assert found["settings"][setting] < value
    assert better is None or found["settings"][setting] == better
    # Who learns well may be held as tightly as he likes.
    assert outcome.held_down(seen(**heavy)) is None
    assert outcome.held_down(seen(figures={"accuracy": 0.4})) is None


def test_few_held_out_numbers_allow_for_their_own_error(seen):
    rival = {"mean": {"mse": 9.0}, "linear": {"mse": 1.0}}
    lost = {"task": "regress", "answers": {}, "naive": rival, "figures": {"mse": 1.3}}
    assert outcome.loses_to_baseline(seen(**lost)) is None
    many = {"train": 2000, "held": 900}
    assert outcome.loses_to_baseline(seen(**{**lost, "sequences": many})) is not None


def test_noise_that_drowns_the_inputs_is_named(seen):
    noisy = {"settings.input_noise": 5.0, "figures": {"accuracy": 0.4}}
    found = outcome.held_down(seen(**noisy))
    assert found["settings"] == {"input_noise": 0.1}
    assert "input_noise 5 drowns what is read" in found["seen"]
    assert outcome.held_down(seen(**{**noisy, "figures": {"accuracy": 0.95}})) is None
    assert outcome.held_down(seen(**{**noisy, "settings.input_noise": 0.3})) is None


def test_a_rare_class_that_is_never_named_comes_ahead_of_nothing_to_learn(seen):
    evidence = seen(
        [0.4, 0.26, 0.23, 0.22, 0.21, 0.21],
        target={"counts": [376, 24], "labels": ["no", "yes"]},
        answers={"true": [75, 5], "called": [80, 0], "right": [75, 0]},
        sequences={"train": 400, "held": 80},
        figures={"accuracy": 0.94},
        naive={
            "majority": {"accuracy": 0.94, "balanced": 0.5},
            "linear": {"accuracy": 0.94, "balanced": 0.52},
        },
    )
    assert outcome.nothing_to_learn(evidence) is not None
    assert findings(evidence)[0]["name"] == "imbalance"
