"""The course of a loss is read as a person reads it; a healthy one says nothing."""

import pytest

from recurra.train.doctor import course

RULES = [
    course.diverged,
    course.learning_rate_high,
    course.learning_rate_low,
    course.clipping,
    course.flat_loss,
    course.overfitting,
    course.small_batch,
]
FLAT = [0.70, 0.695, 0.694, 0.697, 0.693, 0.694]


@pytest.mark.parametrize("rule", RULES)
def test_a_healthy_training_says_nothing(rule, seen):
    assert rule(seen()) is None


def test_a_training_that_broke_off_names_the_epoch_and_a_smaller_rate(seen):
    found = course.diverged(seen(failure={"message": "the loss became nan: try", "epoch": 3}))
    assert "epoch 3" in found["seen"]
    assert found["settings"] == {"learning_rate": pytest.approx(3e-4)}


def test_a_loss_above_that_of_a_constant_answer_asks_for_a_smaller_rate(seen):
    found = course.learning_rate_high(seen([0.7, 1.4, 1.5, 1.3, 1.6], **{"end.loss": 1.5}))
    assert found["settings"] == {"learning_rate": pytest.approx(3e-4)}
    assert found["evidence"]["chance"] == pytest.approx(0.673, abs=1e-3)


def test_a_loss_that_jumps_asks_for_a_smaller_rate_and_names_the_epoch(seen):
    jumping = [0.7, 0.3, 0.2, 0.65, 0.3, 0.2]
    found = course.learning_rate_high(seen(jumping))
    assert "epoch 4" in found["seen"]
    # A small training part moves by itself: the held-out loss did not.
    assert course.learning_rate_high(seen(jumping, [0.7, 0.3, 0.2, 0.21, 0.2, 0.2])) is None
    assert course.learning_rate_high(seen([0.7, 0.5, 0.52, 0.4, 0.41, 0.35])) is None


def test_weights_that_go_many_times_their_size_ask_for_a_smaller_rate(seen):
    assert "times their own size" in course.learning_rate_high(seen(**{"end.moved": 18.0}))["seen"]
    # Of ten thousand steps that is no wonder.
    assert course.learning_rate_high(seen(steps=1000, **{"end.moved": 18.0})) is None


def test_a_loss_that_only_dropout_lifts_is_no_matter_of_the_rate(seen):
    lifted = [0.7, 1.4, 1.5, 1.3, 1.6]
    assert course.learning_rate_high(seen(lifted, FLAT[:5], **{"end.loss": 0.3})) is None


def test_weights_that_have_hardly_moved_ask_for_a_larger_rate(seen):
    slow = seen(FLAT, **{"end.moved": 1e-3, "settings.learning_rate": 1e-6})
    found = course.learning_rate_low(slow)
    assert found["settings"]["learning_rate"] > 1e-5
    assert course.learning_rate_high(slow) is None
    assert course.learning_rate_low(seen(FLAT)) is None


def test_a_bundle_that_goes_on_may_hardly_move(seen):
    assert course.learning_rate_low(seen(FLAT, continued=True, **{"end.moved": 1e-3})) is None


def test_clipping_is_found_where_it_takes_nearly_all_of_nearly_every_gradient(seen):
    often = {"clipped": 1.0, "gradient_norm": 0.8}
    found = course.clipping(seen(records=often, **{"settings.clip_norm": 1e-3}))
    assert found["settings"] == {"clip_norm": 2.0}
    assert course.clipping(seen(records=often)) is None
    assert course.clipping(seen(records={**often, "clipped": 0.5})) is None
    assert course.clipping(seen(records=often, **{"settings.clip": "auto"})) is None


def test_a_flat_loss_is_one_that_stays_at_chance(seen):
    assert course.flat_loss(seen(FLAT))["name"] == "flat_loss"
    # Learnt within the first epoch: nothing is wrong with staying there.
    assert course.flat_loss(seen([0.1, 0.1, 0.1, 0.1])) is None


def test_overfitting_says_when_it_began(seen):
    losses = [0.7, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.03]
    watched = [0.7, 0.55, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9]
    found = course.overfitting(seen(losses, watched))
    assert found["evidence"]["began"] == 4
    assert found["settings"]["dropout"] == 0.5
    assert course.overfitting(seen(losses, [0.7, 0.55, 0.5, 0.5, 0.49, 0.5, 0.5, 0.51])) is None
    assert course.overfitting(seen(losses, watched, sequences={"train": 200, "held": 0})) is None


def test_few_cases_a_step_and_an_unsteady_held_out_loss_ask_for_larger_batches(seen):
    wild = [0.7, 0.6, 0.5, 0.9, 0.4, 1.0, 0.5, 0.9, 0.4, 1.1]
    found = course.small_batch(seen(watched=wild, **{"settings.batch_size": 1}))
    assert found["settings"]["batch_size"] > 4
    assert course.small_batch(seen(watched=wild)) is None
    steady = [0.4 + 0.1 * k for k in range(10)]
    assert course.small_batch(seen(watched=steady, **{"settings.batch_size": 1})) is None
    assert course.small_batch(seen(**{"settings.batch_size": 1})) is None
