"""A row becomes a state slot by slot, in the order of the graph's slots, on either side."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recurra.errors import ShapeError
from recurra.layers import build
from recurra.runtime import Network
from recurra.spec.bridge import bridge_size, bridged
from recurra.spec.cells import GRUCell, LSTMCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Stack
from recurra.spec.state import flatten

GRAPH = Graph(
    {"x": Signal("steps", 2)},
    (
        Step("first", LSTMCell(input_size=2, hidden_size=3), ("x",)),
        Step(
            "second",
            Stack(
                layers=(
                    GRUCell(input_size=3, hidden_size=2),
                    LSTMCell(input_size=2, hidden_size=1),
                )
            ),
            ("first",),
        ),
    ),
    ("second",),
)


def test_both_sides_cut_the_row_alike() -> None:
    """Every number comes up once, in order, and either network runs from there."""
    assert bridge_size(GRAPH) == 3 + 3 + 2 + 1 + 1
    module = build(GRAPH).double().eval()
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    network = Network(GRAPH, weights)
    row = np.arange(20.0).reshape(2, 10) / 20
    ours = bridged(row, network.initial_state(2), np.ascontiguousarray)
    theirs = bridged(torch.from_numpy(row), module.initial_state(2))
    for state in (ours, theirs):
        slots = [slot for name in ("first", "second") for _, slot in flatten(state[name])]
        np.testing.assert_array_equal(np.concatenate(slots, axis=1), row)
    x = np.random.default_rng(0).normal(size=(2, 4, 2))
    outputs, _ = network({"x": x}, ours)
    wanted, _ = module({"x": torch.from_numpy(x)}, theirs)
    np.testing.assert_allclose(outputs["second"], wanted["second"].detach(), atol=1e-12)


def test_a_row_of_another_width_is_refused() -> None:
    """With both widths."""
    state = build(GRAPH).initial_state(1)
    with pytest.raises(ShapeError, match="a state of 10 numbers"):
        bridged(torch.zeros(1, 11), state)
