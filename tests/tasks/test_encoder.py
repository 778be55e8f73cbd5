"""The settings' words become exactly the recurrent nodes that they name."""

from typing import Any

import pytest

from recurra.errors import SettingsError
from recurra.spec.cells import CELLS, AbstractRecurrentCell, GRUCell, LSTMCell
from recurra.spec.graph import Graph
from recurra.spec.node import Signal
from recurra.spec.nodes import Bidirectional, Dropout, Stack
from recurra.spec.settings import ModelSettings
from recurra.tasks.encoder import (
    cell_node,
    dense_steps,
    encoder_node,
    encoder_steps,
    grud_node,
)


@pytest.mark.parametrize("cell", CELLS)
def test_every_choice_reaches_the_cell(cell: str) -> None:
    kind = CELLS[cell]
    settings = ModelSettings(
        cell=cell,
        hidden=5,
        activation="softsign",
        gate_activation="hard_sigmoid",
        bias=False,
        learn_initial_state=True,
        zoneout=0.1,
        weight_dropout=0.2 if issubclass(kind, AbstractRecurrentCell) else 0.0,
    )
    node = cell_node(settings, 3)
    assert isinstance(node, kind)
    assert (node.input_size, node.hidden_size) == (3, 5)
    assert (node.activation, node.gate_activation) == ("softsign", "hard_sigmoid")
    assert (node.bias, node.learn_initial_state) == (False, True)
    assert node.zoneout == 0.1
    assert getattr(node, "weight_dropout", 0.0) == settings.weight_dropout


def test_the_activation_is_the_cells_own_where_none_is_named() -> None:
    found = {cell: cell_node(ModelSettings(cell=cell), 3).activation for cell in CELLS}
    assert found == dict.fromkeys(CELLS, "tanh") | {"mingru": "identity"}


def test_a_weight_dropout_without_recurrent_weights_is_refused() -> None:
    with pytest.raises(SettingsError, match="mingru has no recurrent weights to drop"):
        cell_node(ModelSettings(cell="mingru", weight_dropout=0.1), 3)


def test_zoneout_reaches_both_states_of_an_lstm() -> None:
    node = cell_node(ModelSettings(cell="lstm", zoneout=0.1), 3)
    assert isinstance(node, LSTMCell)
    assert node.zoneout_cell == 0.1


@pytest.mark.parametrize("reset", ["after", "before", "none"])
def test_the_resets_form_reaches_the_gru(reset: str) -> None:
    node = cell_node(ModelSettings(reset=reset), 3)
    assert isinstance(node, GRUCell)
    assert node.reset == reset


def test_one_layer_is_itself() -> None:
    assert encoder_node(ModelSettings(hidden=4), 3) == cell_node(ModelSettings(hidden=4), 3)
    both = encoder_node(ModelSettings(hidden=4, bidirectional=True), 3)
    assert isinstance(both, Bidirectional)


def test_layers_stack_with_the_width_of_those_below() -> None:
    settings = ModelSettings(
        hidden=4, layers=3, bidirectional=True, dropout=0.3, variational=True, residual=True
    )
    node = encoder_node(settings, 3)
    assert isinstance(node, Stack)
    assert (node.dropout, node.variational, node.residual) == (0.3, True, True)
    assert [layer.forward.input_size for layer in node.layers] == [3, 8, 8]
    assert node.output((Signal("steps", 3),)) == Signal("steps", 8)


def test_a_residual_connection_needs_a_stack_even_for_one_layer() -> None:
    node = encoder_node(ModelSettings(hidden=3, residual=True), 3)
    assert isinstance(node, Stack)
    assert node.residual


VALUES = Signal("steps", 3)
FADING = {"x": VALUES, "observed": VALUES, "elapsed": Signal("steps", 1)}


def names(settings: ModelSettings, signals: dict[str, Signal]) -> list[tuple[str, str]]:
    steps = encoder_steps(settings, signals)
    # What they read is there, and of the right form.
    Graph(signals, tuple(steps), (steps[-1].name,))
    return [(step.name, step.node.kind) for step in steps]


def test_the_steps_follow_what_the_codec_feeds() -> None:
    plain = ModelSettings(hidden=5)
    assert names(plain, {"x": VALUES}) == [("encoder", "gru")]
    assert names(ModelSettings(dropout=0), {"x": Signal("steps", 9, "token")}) == [
        ("embedding", "embedding"),
        ("encoder", "gru"),
    ]
    # A dropped value would look like one that was observed.
    assert names(plain, FADING) == [("encoder", "grud")]
    deep = ModelSettings(hidden=5, layers=3, residual=True)
    assert names(deep, FADING) == [
        ("encoder", "grud"),
        ("between_dropout", "dropout"),
        ("upper", "stack"),
    ]


SYMBOLS = Signal("steps", 9, "token")


@pytest.mark.parametrize(
    ("signal", "given", "rate"),
    [
        # Numbers are read as they are, symbols' vectors dropped as everything else is.
        (VALUES, {}, None),
        (VALUES, {"dropout": 0.5, "layers": 2}, None),
        (SYMBOLS, {}, 0.2),
        (SYMBOLS, {"dropout": 0.5}, 0.5),
        (SYMBOLS, {"dropout": 0.0}, None),
        # What is given holds for both.
        (VALUES, {"input_dropout": 0.1}, 0.1),
        (VALUES, {"input_dropout": 0.1, "dropout": 0.0}, 0.1),
        (VALUES, {"input_dropout": 0.0}, None),
        (SYMBOLS, {"input_dropout": 0.1}, 0.1),
        (SYMBOLS, {"input_dropout": 0.0}, None),
    ],
)
def test_numbers_are_dropped_only_where_it_is_asked_for(
    signal: Signal, given: dict[str, Any], rate: float | None
) -> None:
    steps = encoder_steps(ModelSettings(**given, variational=True), {"x": signal})
    dropped = {step.name: step.node for step in steps if isinstance(step.node, Dropout)}
    wanted = {} if rate is None else {"input_dropout": Dropout(rate=rate, variational=True)}
    assert dropped == wanted


def test_every_choice_reaches_the_fading_cell() -> None:
    settings = ModelSettings(
        hidden=5, reset="before", zoneout=0.1, weight_dropout=0.2, learn_initial_state=True
    )
    cell = grud_node(settings, 3).cell
    assert cell == cell_node(settings, 6)
    assert cell.input_size == 6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cell": "lstm"}, "a form of the GRU: set cell='gru'"),
        ({"bidirectional": True}, "reads one way only"),
    ],
)
def test_what_does_not_fade_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        encoder_steps(ModelSettings(**change), FADING)


def test_dense_layers_and_convolutions_stand_before_the_recurrent_ones() -> None:
    settings = ModelSettings(
        dense_before=(5,), convolution=(6, 7), convolution_width=4, dense_activation="tanh"
    )
    signals = {"x": Signal("steps", 3)}
    steps = encoder_steps(settings, signals)
    assert [step.name for step in steps] == [
        "before_0",
        "convolution_0",
        "convolution_1",
        "encoder",
    ]
    graph = Graph(signals, tuple(steps), ("encoder",))
    widths = [graph.signals()[step.name].size for step in steps]
    assert widths == [5, 6, 7, settings.hidden]
    assert graph.parameters()["convolution_1.weight"] == (7, 4 * 6)
    assert graph.why_not_streaming() is None


def test_dense_layers_follow_by_name() -> None:
    settings = ModelSettings(dense_after=(8, 4))
    steps = dense_steps(settings, "pool", 10)
    assert [(step.name, step.inputs) for step in steps] == [
        ("after_0", ("pool",)),
        ("after_1", ("after_0",)),
    ]
    assert steps[1].node.parameters()["weight"] == (4, 8)
    assert dense_steps(ModelSettings(), "pool", 10) == []


def test_nothing_stands_before_values_that_fade() -> None:
    signals = {n: Signal("steps", s) for n, s in (("x", 2), ("observed", 2), ("elapsed", 1))}
    with pytest.raises(SettingsError, match="missing='decay' reads values"):
        encoder_steps(ModelSettings(convolution=(4,)), signals)
