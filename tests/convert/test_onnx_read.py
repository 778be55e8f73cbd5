"""A model is read without being run: what is found, what is left, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from recurra.convert.onnx_read import load_model, read_onnx
from recurra.errors import ConversionError


def model(*nodes: Any, weights: dict[str, Any] | None = None) -> onnx.ModelProto:
    arrays = {"W": np.ones((1, 6, 3)), "R": np.ones((1, 6, 2))} if weights is None else weights
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["t", "b", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(a, "f4"), name) for name, a in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


GRU = helper.make_node("GRU", ["x", "W", "R"], ["y"], name="g", hidden_size=2)


def test_what_is_left_is_said() -> None:
    """Other nodes are counted; initial states that the model makes and inner graphs are told."""
    branch = helper.make_graph([], "then", [], [])
    found, left = read_onnx(
        model(
            helper.make_node("ReduceMean", ["x"], ["m"]),
            helper.make_node("GRU", ["x", "W", "R", "", "", "m"], ["y"], name="g", hidden_size=2),
            helper.make_node("Softmax", ["y"], ["s"]),
            helper.make_node("Softmax", ["s"], ["z"]),
            helper.make_node("If", ["c"], ["q"], name="if", then_branch=branch, else_branch=branch),
        )
    )
    assert left == ("If", "ReduceMean", "2 Softmax", "the graphs inside if, not looked into")
    assert found[0].notes == ("g: its initial_h, made by the model (m)",)


def test_zeros_as_initial_state_are_nothing_to_tell() -> None:
    zero = helper.make_node("ConstantOfShape", ["n"], ["z"])
    node = helper.make_node("GRU", ["x", "W", "R", "", "", "z"], ["y"], hidden_size=2)
    assert read_onnx(model(zero, node))[0][0].notes == ()


def test_weights_behind_nodes_that_move_values_are_found() -> None:
    nodes = [
        helper.make_node("Transpose", ["flat"], ["W"], perm=[0, 2, 1]),
        helper.make_node(
            "Constant", [], ["R"], value=numpy_helper.from_array(np.ones((1, 6, 2), "f4"))
        ),
        GRU,
    ]
    flat = np.arange(18.0).reshape(1, 3, 6)
    found, left = read_onnx(model(*nodes, weights={"flat": flat}))
    np.testing.assert_array_equal(found[0].weights["input_weight"][4:], flat[0].T[4:])
    assert left == ("Transpose",)


def test_weights_that_are_no_constants_are_refused() -> None:
    made = helper.make_node("Relu", ["raw"], ["W"])
    with pytest.raises(ConversionError, match="takes W from 'W', which is no constant"):
        read_onnx(model(made, GRU, weights={"raw": np.ones((1, 6, 3)), "R": np.ones((1, 6, 2))}))
    whole = model(GRU)
    whole.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((1, 6, 3), "i4"), "W"))
    with pytest.raises(ConversionError, match="W of int32: expected float32"):
        read_onnx(whole)


def test_weights_in_other_files_are_refused() -> None:
    """A path inside a model is never followed."""
    whole = model(GRU)
    first = whole.graph.initializer[0]
    first.ClearField("raw_data")
    first.data_location = TensorProto.EXTERNAL
    first.external_data.add(key="location", value="../../etc/passwd")
    with pytest.raises(ConversionError, match="'W' lies in another file"):
        read_onnx(whole)


def test_damaged_constants_are_refused() -> None:
    whole = model(GRU)
    whole.graph.initializer[0].raw_data = b"abc"
    with pytest.raises(ConversionError, match="the constant 'W' is damaged"):
        read_onnx(whole)


def test_models_pass_and_bytes_are_parsed() -> None:
    whole = model(GRU)
    assert load_model(whole) is whole
    assert load_model(whole.SerializeToString()) == whole
