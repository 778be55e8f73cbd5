"""Gates at their end and units that stand still are found; those that work are not."""

import pytest

from recurra.train.doctor import inside

SHUT = {"update": {"mean": 0.001, "shut": 0.97, "open": 0.0}}


@pytest.mark.parametrize("rule", [inside.saturation, inside.dead_units, inside.reach])
def test_a_healthy_training_says_nothing(rule, seen):
    assert rule(seen()) is None


def test_a_gate_that_is_shut_is_named_with_its_layer(seen):
    found = inside.saturation(seen(**{"end.layers": {"encoder": units(gates=SHUT)}}))
    assert "update gate of encoder is shut" in found["seen"]
    half = {"update": {"mean": 0.3, "shut": 0.7, "open": 0.0}}
    assert inside.saturation(seen(**{"end.layers": {"encoder": units(gates=half)}})) is None
    # What a trained gate may do, none begins with.
    assert inside.saturation(seen(**{"start.layers": {"encoder": units(gates=half)}})) is not None


def test_a_memory_prepared_for_far_more_steps_than_there_are_is_shortened(seen):
    long = {"settings.bias_init": "chrono", "settings.chrono_length": 100_000}
    found = inside.saturation(seen(**{"start.layers": {"encoder": units(gates=SHUT)}, **long}))
    assert found["settings"] == {"chrono_length": 30}


def test_outputs_at_the_end_of_their_activation_are_found_at_the_start(seen):
    assert inside.saturation(seen(**{"start.layers": {"encoder": units(pinned=0.8)}})) is not None


def test_dead_units_are_counted_and_relu_is_named(seen):
    dead = {"end.layers": {"after_0": units(dead=0.75, gates={})}}
    found = inside.dead_units(seen(**dead))
    assert found["evidence"] == {"share": 0.75, "layer": "after_0", "when": "end"}
    assert found["settings"]["dense_activation"] == "tanh"
    assert inside.dead_units(seen(**{"end.layers": {"after_0": units(dead=0.2)}})) is None


def test_a_memory_for_the_steps_there_are_begins_almost_shut_on_purpose(seen):
    meant = {"settings.bias_init": "chrono", "settings.chrono_length": 60}
    assert (
        inside.saturation(seen(**{"start.layers": {"encoder": units(gates=SHUT)}, **meant})) is None
    )


def test_gates_at_both_ends_count_together(seen):
    both = {"reset": {"mean": 0.5, "shut": 0.4, "open": 0.4}}
    found = inside.saturation(seen(**{"start.layers": {"encoder": units(gates=both)}}))
    assert "either shut or open" in found["seen"]


FAR = {
    "best.reach": {"steps": 9, "length": 100, "layer": "encoder"},
    "target.relevance": [[0, 0.01], [5, 0.0], [50, 0.02], [95, 0.8]],
    "figures": {"accuracy": 0.45},
}


def test_an_answer_beyond_the_reach_of_the_gradient_is_found_with_its_place(seen):
    found = inside.reach(seen(**FAR))
    assert found["evidence"]["where"] == 95
    assert found["settings"]["pool"] == ("last", "mean", "max")
    assert inside.reach(seen(**{**FAR, "settings.cell": "rnn"}))["settings"]["cell"] == "gru"


@pytest.mark.parametrize(
    "changes",
    [
        {"figures": {"accuracy": 0.95}},
        {"best.reach": {"steps": 99, "length": 100, "layer": "encoder"}},
        {"target.relevance": [[0, 0.6], [95, 0.8]]},
        {"inputs.memory": 90},
    ],
)
def test_it_is_silent_where_the_answer_is_found_or_said_nearer(changes, seen):
    assert inside.reach(seen(**{**FAR, **changes})) is None


def units(**changes):
    return {"count": 8, "dead": 0.0, "pinned": 0.0, "largest": 1.0, "gates": {}, **changes}
