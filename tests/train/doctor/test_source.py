"""What is learnt from is looked at before the network is blamed."""

import pytest

from recurra.train.doctor import source
from recurra.train.doctor.finding import flag

RULES = [source.leak, source.constant_target, source.scaling, source.window]


@pytest.mark.parametrize("rule", RULES)
def test_a_healthy_training_says_nothing(rule, seen):
    assert rule(seen()) is None


def test_a_column_that_is_the_answer_is_named(seen):
    leaks = {"explained": 0.9999, "column": "flow", "figure": "last value"}
    found = source.leak(seen(**{"target.leak": leaks}))
    assert "last value of flow" in found["seen"]
    assert source.leak(seen(**{"target.leak": {**leaks, "explained": 0.98}})) is None


def test_what_is_to_be_tried_against_a_leak_are_the_other_columns(seen):
    leaks = {"explained": 0.9999, "column": "flow", "figure": "mean", "others": ["heat", "a b"]}
    found = source.leak(seen(**{"target.leak": leaks}))
    assert found["settings"] == {"features": ["heat", "a b"]}
    assert flag(found["settings"]) == "--features 'heat,a b'"
    assert source.leak(seen(**{"target.leak": {**leaks, "others": []}}))["settings"] == {}
    ahead = {"explained": 0.999, "own": 0.3, "column": 1, "ahead": 6}
    forecast = {"task": "forecast", "target.leak": ahead, "settings.features": ["wind", "sun"]}
    assert source.leak(seen(**forecast))["settings"] == {"features": ["wind"]}


def test_a_covariate_leaks_only_beyond_what_the_series_says_of_itself(seen):
    leaks = {"explained": 0.999, "own": 0.3, "column": 0, "ahead": 6}
    forecast = {"task": "forecast", "target.leak": leaks}
    assert "6 rows later" in source.leak(seen(**forecast))["seen"]
    slow = {"task": "forecast", "target.leak": {**leaks, "own": 0.998}}
    assert source.leak(seen(**slow)) is None


def test_held_out_copies_of_training_sequences_are_a_leak(seen):
    assert source.leak(seen(**{"target.duplicates": 0.5}))["settings"] == {}


@pytest.mark.parametrize(
    ("target", "known"),
    [
        ({"counts": [990, 10], "labels": ["ok", "hot"]}, "'ok'"),
        ({"common": 0.97, "value": 3.5, "typical": 1.0}, "3.5"),
        ({"counts": [20, 20], "labels": ["ok", "hot"], "held_classes": 1}, "one class"),
    ],
)
def test_a_target_that_stands_still_is_named_with_its_value(target, known, seen):
    found = source.constant_target(seen(target=target))
    assert known in found["seen"]
    assert set(found["settings"]) <= {"class_weight", "watch", "valid_fraction"}
    assert bool(found["settings"]) == ("counts" in target)


def test_scales_are_judged_by_their_deviations_and_their_ordinary_values(seen):
    wide = {"inputs.deviations": [900.0, 1500.0], "task": "forecast"}
    assert source.scaling(seen(**wide))["settings"] == {"scaling": "standard"}
    squeezed = source.scaling(seen(**{"inputs.typical": 0.001}))
    assert squeezed["settings"] == {"winsorise": 0.01}
    target = {"common": 0.01, "value": 0.0, "typical": 0.001}
    heavy = source.scaling(seen(target=target, task="regress"))
    assert heavy["settings"] == {"loss": "huber"}


def test_a_window_shorter_than_the_period_is_lengthened(seen):
    short = {"lag": 24, "similarity": 0.8, "lookback": 6, "moving": 1.0}
    found = source.window(seen(task="forecast", target=short))
    assert found["settings"]["lookback"] == 48
    assert source.window(seen(task="forecast", target={**short, "lookback": 48})) is None
    assert source.window(seen(task="forecast", target={**short, "similarity": 0.3})) is None


@pytest.mark.parametrize("task", ["classify", "tag"])
def test_a_rare_class_with_cases_to_learn_from_is_no_constant(task, seen):
    for counts, named in (
        ([375, 25], False),
        ([960, 40], False),
        ([384, 16], True),
        ([9940, 60], True),
    ):
        target = {"counts": counts, "labels": ["no", "yes"]}
        assert bool(source.constant_target(seen(task=task, target=target))) == named, counts
