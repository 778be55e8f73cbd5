"""A GRU-D in ONNX forgets as it does here; its state is h, the last values and the time since."""

from __future__ import annotations

import pytest

from convert.onnx_graphs import agreed
from recurra.spec.cells import RESETS, GRUCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import AbstractNode, Signal
from recurra.spec.nodes import GRUD, Bidirectional, Pool


def decaying(cell: GRUCell, *above: AbstractNode) -> Graph:
    values = Signal("steps", 2)
    steps = [Step("grud", GRUD(cell=cell), ("x", "observed", "elapsed"))]
    for k, node in enumerate(above):
        steps.append(Step(f"above_{k}", node, (steps[-1].name,)))
    inputs = {"x": values, "observed": values, "elapsed": Signal("steps", 1)}
    return Graph(inputs, tuple(steps), (steps[-1].name,))


@pytest.mark.parametrize("reset", RESETS)
def test_every_reset_agrees(reset: str) -> None:
    cell = GRUCell(input_size=4, hidden_size=3, reset=reset, zoneout=0.1)
    model = agreed(decaying(cell, Pool(size=3, modes=("last", "mean"))))
    states = {one.name for one in model.graph.input if one.name.startswith("state.grud")}
    assert states == {f"state.grud.{slot}" for slot in ("h", "last", "since")}


def test_below_what_does_not_stream_it_begins_at_its_own_state() -> None:
    cell = GRUCell(input_size=4, hidden_size=3, learn_initial_state=True)
    side = GRUCell(input_size=3, hidden_size=2)
    agreed(decaying(cell, Bidirectional(forward=side, backward=side)))
