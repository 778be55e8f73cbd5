"""The characters of a word give in ONNX the vector that they give here."""

from __future__ import annotations

import numpy as np
import pytest

from convert.onnx_graphs import agreed, run
from recurra.spec.cells import GRUCell, LSTMCell, RNNCell
from recurra.spec.characters import Characters
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Bidirectional

CELLS = {
    "gru": GRUCell(input_size=2, hidden_size=3),
    "learnt": LSTMCell(input_size=2, hidden_size=3, learn_initial_state=True),
    "scanned": RNNCell(input_size=2, hidden_size=3, activation="hard_tanh"),
}


@pytest.mark.parametrize("name", CELLS)
def test_words_agree(name: str) -> None:
    """Words of any length, one step at a time too; a word of no characters keeps what it begins."""
    cell = CELLS[name]
    node = Characters(tokens=9, encoder=Bidirectional(forward=cell, backward=cell))
    graph = Graph({"x": Signal("pieces", 9, "token")}, (Step("word", node, ("x",)),), ("word",))
    model = agreed(graph)
    lengths = np.array([2])
    narrow = run(model, x=np.array([[[4, 5], [0, 0]]]), lengths=lengths)["word"]
    wide = run(model, x=np.array([[[4, 5, 0, 0], [0, 0, 0, 0]]]), lengths=lengths)["word"]
    np.testing.assert_allclose(narrow, wide, atol=1e-6)
    empty = run(model, x=np.zeros((1, 2, 0), np.int64), lengths=lengths)["word"]
    np.testing.assert_allclose(empty[0, 0], wide[0, 1], atol=1e-6)
