"""A stack is its layers one after another; residual connections go where widths agree."""

from typing import Any

import numpy as np

from recurra.runtime.nodes.recurrent import NumpyRecurrent
from recurra.runtime.nodes.stack import NumpyStack
from recurra.spec.cells import AbstractCell, GRUCell, RNNCell
from recurra.spec.nodes import Stack

NONE: dict[str, Any] = {"lengths": None, "valid": None, "starts": None}


def test_layers_and_residuals() -> None:
    cells: list[AbstractCell] = [
        GRUCell(input_size=2, hidden_size=2),
        RNNCell(input_size=2, hidden_size=3),
    ]
    node = Stack(layers=tuple(cells), residual=True)
    random = np.random.default_rng(0)
    weights = {name: random.normal(size=shape) for name, shape in node.parameters().items()}
    stack = NumpyStack(node, weights, np.dtype("f8"))
    layers = [
        NumpyRecurrent(
            cell,
            {name: weights[f"layers.{k}.{name}"] for name in cell.parameters()},
            np.dtype("f8"),
        )
        for k, cell in enumerate(cells)
    ]
    x = random.normal(size=(2, 4, 2))
    below, _ = layers[0](x, layers[0].initial_state(2), **NONE)
    expected, end = layers[1](below + x, layers[1].initial_state(2), **NONE)
    y, state = stack(x, stack.initial_state(2), **NONE)
    assert np.array_equal(y, expected)
    assert np.array_equal(state.layers[1].h, end.h)
    step, _ = stack.step(x[:, 0], stack.initial_state(2), valid=None, starts=None)
    assert np.array_equal(step, y[:, 0])


def test_a_skipped_step_adds_nothing() -> None:
    node = Stack(layers=(GRUCell(input_size=2, hidden_size=2),), residual=True)
    random = np.random.default_rng(0)
    weights = {name: random.normal(size=shape) for name, shape in node.parameters().items()}
    stack = NumpyStack(node, weights, np.dtype("f8"))
    x = random.normal(size=(1, 2, 2))
    x[0, 1] = np.nan
    y, state = stack(x, stack.initial_state(1), **NONE | {"valid": np.array([[True, False]])})
    assert np.array_equal(y[:, 1], state.layers[0].h)
    step, _ = stack.step(x[:, 1], state, valid=np.array([False]), starts=None)
    assert np.array_equal(step, y[:, 1])
