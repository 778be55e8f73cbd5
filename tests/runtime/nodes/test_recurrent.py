"""A cell's node is the cell's equations, with learnt states and the expectation of zoneout."""

from typing import Any

import numpy as np

from recurra.runtime.nodes import NODES
from recurra.runtime.nodes.recurrent import NumpyRecurrent
from recurra.spec.cells import CELLS, AbstractCell, GRUCell, LSTMCell, MinGRUCell, RNNCell

NONE: dict[str, Any] = {"lengths": None, "valid": None, "starts": None}


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def make(cell: AbstractCell) -> tuple[NumpyRecurrent, dict[str, np.ndarray]]:
    random = np.random.default_rng(0)
    weights = {name: random.normal(0, 0.7, shape) for name, shape in cell.parameters().items()}
    return NumpyRecurrent(cell, weights, np.dtype("f8")), weights


def test_rnn_with_zoneout_and_a_learnt_state() -> None:
    cell = RNNCell(input_size=2, hidden_size=3, learn_initial_state=True, zoneout=0.25)
    node, w = make(cell)
    x = np.random.default_rng(1).normal(size=(1, 4, 2))
    y, state = node(x, node.initial_state(1), **NONE)
    h = w["initial_h"]
    for t in range(4):
        new = np.tanh(
            w["input_weight"] @ x[0, t]
            + w["input_bias"]
            + w["recurrent_weight"] @ h
            + w["recurrent_bias"]
        )
        h = h + 0.75 * (new - h)
        np.testing.assert_allclose(y[0, t], h, rtol=1e-12)
    assert np.array_equal(state.h, y[:, -1])


def test_every_cell_has_its_node() -> None:
    for kind, cell in CELLS.items():
        assert NODES[kind] is NumpyRecurrent
        node, _ = make(cell(input_size=2, hidden_size=3))
        assert type(node.initial_state(1)).__name__ == cell.__name__.replace("Cell", "State")


def test_mingru_with_zoneout_and_a_learnt_state() -> None:
    cell = MinGRUCell(input_size=2, hidden_size=3, learn_initial_state=True, zoneout=0.25)
    node, w = make(cell)
    x = np.random.default_rng(1).normal(size=(1, 4, 2))
    y, state = node(x, node.initial_state(1), **NONE)
    h = w["initial_h"]
    for t in range(4):
        update, candidate = np.split(w["input_weight"] @ x[0, t] + w["input_bias"], 2)
        h = h + 0.75 * sigmoid(update) * (candidate - h)
        np.testing.assert_allclose(y[0, t], h, rtol=1e-12)
    assert np.array_equal(state.h, y[:, -1])


def test_gru_holds_where_update_is_zero() -> None:
    cell = GRUCell(input_size=2, hidden_size=3, reset="none")
    node, w = make(cell)
    x_t = np.random.default_rng(1).normal(size=(1, 2))
    h = np.random.default_rng(2).normal(size=(1, 3))
    y, _ = node.step(x_t, type(node.initial_state(1))(h), valid=None, starts=None)
    gates = x_t @ w["input_weight"].T + w["input_bias"]
    gates = gates + h @ w["recurrent_weight"].T + w["recurrent_bias"]
    update, candidate = sigmoid(gates[:, :3]), np.tanh(gates[:, 3:])
    np.testing.assert_allclose(y, h + update * (candidate - h), rtol=1e-12)


def test_lstm_keeps_two_slots_and_starts_anew_from_the_learnt_ones() -> None:
    cell = LSTMCell(input_size=2, hidden_size=3, learn_initial_state=True, bias=False)
    node, w = make(cell)
    x = np.random.default_rng(1).normal(size=(2, 3, 2))
    other = type(node.initial_state(2))(np.full((2, 3), 9.0), np.full((2, 3), -9.0))
    starts = np.zeros((2, 3), bool)
    starts[:, 0] = True
    y, state = node(x, other, **NONE | {"starts": starts})
    expected, end = node(x, node.initial_state(2), **NONE)
    assert np.array_equal(y, expected)
    assert np.array_equal(state.c, end.c)
    assert not np.array_equal(state.c, state.h)
    assert np.array_equal(node.initial_state(2).c, np.stack([w["initial_c"]] * 2))


def test_reversed_is_the_reversed_sequence() -> None:
    node, _ = make(GRUCell(input_size=2, hidden_size=3, reset="before"))
    x = np.random.default_rng(1).normal(size=(2, 5, 2))
    y, state = node(x, node.initial_state(2), **NONE, reverse=True)
    turned, end = node(np.ascontiguousarray(x[:, ::-1]), node.initial_state(2), **NONE)
    assert np.array_equal(y, turned[:, ::-1])
    assert np.array_equal(state.h, end.h)
