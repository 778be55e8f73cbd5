"""A word's vector is the same bits wherever it stands; what does not count may be any number."""

import numpy as np
import pytest

from recurra.errors import ShapeError, SpecError
from recurra.runtime import Network
from recurra.runtime.nodes.characters import NumpyCharacters
from recurra.spec.cells import GRUCell
from recurra.spec.characters import Characters
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Bidirectional

CELL = GRUCell(input_size=3, hidden_size=2)
NODE = Characters(tokens=5, encoder=Bidirectional(forward=CELL, backward=CELL))


def made() -> NumpyCharacters:
    generator = np.random.default_rng(0)
    weights = {name: generator.normal(size=shape) for name, shape in NODE.parameters().items()}
    return NumpyCharacters(NODE, weights, np.dtype("f8"))


def test_words_do_not_depend_on_their_neighbours() -> None:
    node = made()
    words = np.array([[[1, 2, 0], [3, 0, 0], [1, 2, 0]], [[4, 4, 4], [-1, 9, 9], [0, 0, 0]]])
    valid = np.array([[True] * 3, [True, False, True]])
    y, _ = node(words, None, lengths=np.array([3, 3]), valid=valid, starts=None)
    assert y.shape == (2, 3, 4)
    assert y[0, 0].tobytes() == y[0, 2].tobytes()
    for row, step in ((0, 0), (0, 1), (1, 0)):
        alone, _ = node.step(words[row : row + 1, step], None, valid=None, starts=None)
        assert alone[0].tobytes() == y[row, step].tobytes()
    assert not y[1, 1:].any()


def test_a_character_out_of_range_and_a_native_program_are_refused() -> None:
    node = made()
    with pytest.raises(ShapeError, match="from 0 below 5, got 5"):
        node.step(np.array([[1, 5]]), None, valid=None, starts=None)
    with pytest.raises(SpecError, match="several tokens a step"):
        node.place(None, 0)  # type: ignore[arg-type]  # refused whatever it is


def test_a_network_and_its_streams_take_words_of_any_width() -> None:
    graph = Graph({"x": Signal("pieces", 5, "token")}, (Step("words", NODE, ("x",)),), ("words",))
    node = made()
    network = Network(graph, {f"words.{name}": w for name, w in node.weights.items()})
    words = np.array([[[1, 2, 0], [4, 0, 0]]])
    whole, _ = network({"x": words})
    stream = network.stream()
    for t, width in enumerate((3, 1)):
        y = stream.feed(words[0, t, :width])
        assert y.tobytes() == whole["words"][0, t].tobytes()
    with pytest.raises(ShapeError, match=r"expected x \[B, T, W\], got \[1, 2\]"):
        network({"x": words[0, :1, :2]})
    with pytest.raises(ShapeError, match="tokens from 0 below 5"):
        stream.feed(np.array([9]))
