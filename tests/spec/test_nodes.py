"""Nodes that are not cells: what they hold, what flows through, and what they refuse."""

from typing import Any

import pytest

from recurra.errors import SpecError
from recurra.spec.cells import GRUCell, LSTMCell
from recurra.spec.node import AbstractNode, Signal
from recurra.spec.nodes import (
    GRUD,
    POOLS,
    Bidirectional,
    Dropout,
    Embedding,
    Linear,
    Pool,
    Stack,
)


def gru(i: int = 3, h: int = 5) -> GRUCell:
    return GRUCell(input_size=i, hidden_size=h)


BOTH = Bidirectional(forward=gru(), backward=LSTMCell(input_size=3, hidden_size=2))
TOKENS = Signal("steps", 7, "token")


@pytest.mark.parametrize(
    ("node", "before", "after"),
    [
        (Embedding(tokens=7, size=3), TOKENS, Signal("steps", 3)),
        (Linear(input_size=3, output_size=2), Signal("steps", 3), Signal("steps", 2)),
        (Linear(input_size=3, output_size=2), Signal("row", 3), Signal("row", 2)),
        (BOTH, Signal("steps", 3), Signal("steps", 7)),
        (Stack(layers=(BOTH, gru(7, 4))), Signal("steps", 3), Signal("steps", 4)),
        (Pool(size=3, modes=("max", "last")), Signal("steps", 3), Signal("row", 6)),
        (Dropout(rate=0.5), Signal("row", 3), Signal("row", 3)),
    ],
)
def test_what_flows_through(node: AbstractNode, before: Signal, after: Signal) -> None:
    assert node.output((before,)) == after
    for wrong in ((), (before, before), (Signal("row", 99, "token"),)):
        with pytest.raises(SpecError, match="expected"):
            node.output(wrong)


def test_parameters_and_state_are_nested_by_path() -> None:
    stack = Stack(layers=(BOTH, gru(7, 4)))
    assert stack.parameters()["layers.0.backward.input_weight"] == (8, 3)
    assert stack.parameters()["layers.1.recurrent_bias"] == (12,)
    assert stack.state_slots() == {
        "layers.0.forward.h": (5,),
        "layers.0.backward.h": (2,),
        "layers.0.backward.c": (2,),
        "layers.1.h": (4,),
    }
    assert Embedding(tokens=7, size=3).parameters() == {"weight": (7, 3)}
    assert Linear(input_size=3, output_size=2).parameters() == {"weight": (2, 3), "bias": (2,)}
    assert Linear(input_size=3, output_size=2, bias=False).parameters() == {"weight": (2, 3)}


def test_only_a_backward_direction_keeps_a_network_from_streaming() -> None:
    reason = BOTH.why_not_streaming()
    assert reason is not None
    assert "backward direction" in reason
    assert Stack(layers=(gru(), BOTH)).why_not_streaming() == reason
    for node in (Stack(layers=(gru(),)), Pool(size=3, modes=POOLS), Embedding(tokens=2, size=1)):
        assert node.why_not_streaming() is None


@pytest.mark.parametrize("modes", [("last",), ("mean",), ("max", "mean"), POOLS])
def test_a_pool_remembers_the_steps_so_far(modes: tuple[str, ...]) -> None:
    slots = Pool(size=3, modes=modes).state_slots()
    assert slots == {"seen": (1,), **{mode: (3,) for mode in POOLS if mode in modes}}


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Embedding(tokens=0, size=1), "embedding: tokens"),
        (lambda: Linear(input_size=1, output_size=-1), "linear: output_size"),
        (lambda: Bidirectional(forward=gru(3), backward=gru(4)), "forward takes I=3, backward I=4"),
        (lambda: Stack(layers=()), "at least one layer"),
        (lambda: Stack(layers=(Dropout(rate=0.1),)), "cells or bidirectionals, got 'dropout'"),
        (lambda: Stack(layers=(gru(),), dropout=1), "stack: dropout must be in"),
        (lambda: Pool(size=3, modes=()), "modes must be different and at least one"),
        (lambda: Pool(size=3, modes=("last", "last")), "modes must be different"),
        (lambda: Pool(size=3, modes=("first",)), "among last, mean, max; got 'first'"),
        (lambda: Dropout(rate=1.0), "dropout: rate must be in"),
    ],
)
def test_contradictions_are_refused(build: Any, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        build()


def test_a_stack_names_the_layer_that_does_not_fit() -> None:
    with pytest.raises(SpecError, match=r"layer 1: gru expected \[B, T, 3\], got \[B, T, 5\]"):
        Stack(layers=(gru(), gru())).output((Signal("steps", 3),))


def test_a_grud_reads_values_flags_and_time() -> None:
    node = GRUD(cell=gru(6, 4))
    values, time = Signal("steps", 3), Signal("steps", 1)
    assert node.features == 3
    assert node.output((values, values, time)) == Signal("steps", 4)
    for wrong in ((values,), (values, values, values), (Signal("steps", 6), values, time)):
        with pytest.raises(SpecError, match="grud expected"):
            node.output(wrong)
    assert node.parameters()["cell.input_weight"] == (12, 6)
    assert node.parameters()["hidden_decay_weight"] == (4, 3)
    assert node.state_slots() == {"h": (4,), "last": (3,), "since": (3,)}
    assert node.why_not_streaming() is None
    with pytest.raises(SpecError, match="input_size is even; got 3"):
        GRUD(cell=gru())
    with pytest.raises(SpecError, match="cell must be a gru, got 'lstm'"):
        GRUD(cell=LSTMCell(input_size=4, hidden_size=2))
    # No stack holds one: it has one input only.
    with pytest.raises(SpecError, match="cells or bidirectionals, got 'grud'"):
        Stack(layers=(node,))
