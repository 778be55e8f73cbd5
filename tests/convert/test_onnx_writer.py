"""The writer gives each value one name, and holds equal constants once."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from convert.onnx_graphs import run
from recurra.convert.onnx_writer import LENGTHS, Writer
from recurra.spec.cells import GRUCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Dropout


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
    assert one.slot("a.h", 3) == ("state.a.h", "next_state.a.h")
    assert [value.name for value in one.inputs] == [LENGTHS, "state.a.h"]
    assert [value.name for value in one.outputs] == ["next_state.a.h"]


def test_a_scan_runs_one_step_after_the_other() -> None:
    """A running sum, forwards and backwards; what a body holds is not in the graph around it."""
    for reverse, wanted in ((False, [[1, 3, 6]]), (True, [[6, 5, 3]])):
        graph = Graph({"x": Signal("steps", 1)}, (Step("d", Dropout(rate=0.1), ("x",)),), ("d",))
        one = Writer(graph, {})
        zero = one.rows(LENGTHS, "zero", np.zeros(1, np.float32))
        before = len(one.nodes)

        def step(states: list[str], read: list[str], one: Writer = one) -> tuple[list[str], str]:
            total = one.add("Add", [states[0], read[0]])
            return [total], total

        _, y = one.scan([zero], [("x", TensorProto.FLOAT)], step, reverse=reverse)
        assert [node.op_type for node in one.nodes[before:]] == ["Scan"]
        made = helper.make_graph(
            one.nodes,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, None), *one.inputs],
            [helper.make_tensor_value_info(y, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(array, name) for name, array in one.constants.items()],
        )
        opset = helper.make_opsetid("", 17)
        model = helper.make_model(made, opset_imports=[opset], ir_version=8)
        x = np.array([[[1.0], [2.0], [3.0]]], np.float32)
        found = run(model, x=x, lengths=np.array([3]))[y]
        np.testing.assert_array_equal(found[:, :, 0], wanted)
