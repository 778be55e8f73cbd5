"""The writer gives each value one name, and holds equal constants once."""

from __future__ import annotations

import numpy as np

from recurra.convert.onnx_writer import LENGTHS, Writer
from recurra.spec.cells import GRUCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal


def writer() -> Writer:
    node = GRUCell(input_size=2, hidden_size=3)
    graph = Graph({"x": Signal("steps", 2)}, (Step("a", node, ("x",)),), ("a",))
    return Writer(graph, {"a.b": np.ones(2, np.float32)})


def test_names_are_never_given_twice() -> None:
    one = writer()
    names = [one.add("Relu", ["x"]) for _ in range(3)]
    assert len(set(names)) == 3
    every = [name for node in one.nodes for name in node.output]
    assert len(set(every)) == len(every)


def test_constants_and_weights() -> None:
    one = writer()
    assert one.constant([1]) == one.constant([1])
    assert len({one.constant(0), one.constant([0]), one.constant(0.0, np.float32)}) == 3
    assert one.weight("a.b") == "a.b"
    assert one.constants["a.b"] is one.weights["a.b"]


def test_a_slot_enters_and_leaves() -> None:
    one = writer()
    assert one.slot("a.h", 3) == one.slot_names("a.h") == ("state.a.h", "next_state.a.h")
    assert [value.name for value in one.inputs] == [LENGTHS, "state.a.h"]
    assert [value.name for value in one.outputs] == ["next_state.a.h"]
