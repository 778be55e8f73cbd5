"""A cell's node has the attributes that say what it computes, and are read back as it."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.convert.onnx_cells import attributes_of, cells_of, node_arrays
from recurra.errors import ConversionError
from recurra.spec.cells import AbstractCell, GRUCell, LSTMCell, RNNCell

CELLS: list[AbstractCell] = [
    GRUCell(input_size=3, hidden_size=2, gate_activation="hard_sigmoid"),
    GRUCell(input_size=3, hidden_size=2, reset="before", activation="relu", bias=False),
    LSTMCell(input_size=3, hidden_size=2, activation="softsign", gate_activation="tanh"),
    RNNCell(input_size=3, hidden_size=2, activation="identity"),
]


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.kind}-{cell.activation}")
def test_there_and_back(cell: AbstractCell, sides: int) -> None:
    random = np.random.default_rng(0)
    weights = [
        {n: random.normal(size=s) for n, s in cell.parameters().items()} for _ in range(sides)
    ]
    arrays = dict(zip("WRB", node_arrays([cell] * sides, weights), strict=True))
    op = {"gru": "GRU", "lstm": "LSTM", "rnn": "RNN"}[cell.kind]
    found = cells_of(op, "n", attributes_of([cell] * sides), arrays)
    assert [one for one, _ in found] == [cell] * sides
    for (_, came), wanted in zip(found, weights, strict=True):
        assert all((came[name] == array).all() for name, array in wanted.items())


def test_names_are_read_whatever_their_case_and_defaults_hold() -> None:
    arrays = {"W": np.ones((1, 6, 3)), "R": np.ones((1, 6, 2))}
    plain = cells_of("GRU", "n", {}, arrays)[0][0]
    shouted = cells_of("GRU", "n", {"activations": ["SIGMOID", "tanh"]}, arrays)[0][0]
    assert plain == shouted == GRUCell(input_size=3, hidden_size=2, bias=False, reset="before")


def test_what_runtimes_fill_in_differently_is_refused() -> None:
    """ONNX Runtime clips at 0 where clip=0; it takes Affine without alpha and beta as zero."""
    arrays = {"W": np.ones((1, 2, 3)), "R": np.ones((1, 2, 2))}
    with pytest.raises(ConversionError, match="has clip=0"):
        cells_of("RNN", "n", {"clip": 0.0}, arrays)
    for given in ({}, {"activation_alpha": [1.0]}, {"activation_beta": [0.0]}):
        with pytest.raises(ConversionError, match="Affine without its alpha and beta"):
            cells_of("RNN", "n", {"activations": ["Affine"], **given}, arrays)
    whole = {"activations": ["Affine"], "activation_alpha": [1.0], "activation_beta": [0.0]}
    cell = cells_of("RNN", "n", whole, arrays)[0][0]
    assert cell == RNNCell(input_size=3, hidden_size=2, bias=False, activation="identity")


def test_peepholes_of_zeros_do_nothing() -> None:
    arrays = {"W": np.ones((1, 8, 3)), "R": np.ones((1, 8, 2)), "P": np.zeros((1, 6))}
    assert cells_of("LSTM", "n", {}, arrays)[0][0].hidden_size == 2
    with pytest.raises(ConversionError, match=r"LSTM 'n' has peepholes \(its input P\)"):
        cells_of("LSTM", "n", {}, arrays | {"P": np.ones((1, 6))})


def test_what_a_node_lacks_or_contradicts_is_named() -> None:
    arrays = {"W": np.ones((1, 6, 3)), "R": np.ones((1, 6, 2))}
    with pytest.raises(ConversionError, match="lacks its weights"):
        cells_of("GRU", "n", {}, arrays | {"R": None})
    with pytest.raises(ConversionError, match="expected W with 3 axes, the first of 2"):
        cells_of("GRU", "n", {"direction": "bidirectional"}, arrays)
    with pytest.raises(ConversionError, match="one minus ours"):
        cells_of("GRU", "n", {"activations": ["Relu", "Tanh"]}, arrays)
