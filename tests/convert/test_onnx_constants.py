"""What a file alone decides is read; what lies elsewhere, is damaged or is made by it is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from recurra.convert.onnx_constants import Constants
from recurra.errors import ConversionError


def constants(*nodes: Any, **arrays: Any) -> Constants:
    graph = helper.make_graph(
        list(nodes),
        "g",
        [],
        [],
        [numpy_helper.from_array(np.asarray(a, "f4"), name) for name, a in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    return Constants(model, {name: node for node in nodes for name in node.output})


def test_values_behind_nodes_that_only_move_them_are_known() -> None:
    flat = np.arange(6.0).reshape(2, 3)
    known = constants(
        helper.make_node("Transpose", ["a"], ["turned"]),
        helper.make_node("Constant", [], ["one"], value=numpy_helper.from_array(np.ones(1, "i8"))),
        helper.make_node("Unsqueeze", ["turned", "one"], ["wide"]),
        helper.make_node("Relu", ["a"], ["changed"]),
        helper.make_node("Identity", ["changed"], ["behind"]),
        helper.make_node("Constant", [], ["number"], value_float=2.5),
        a=flat,
    )
    np.testing.assert_array_equal(known.value("wide"), flat.T[:, None])
    assert known.value("number") == 2.5
    assert known.value("changed") is known.value("behind") is known.value("nobody") is None


def test_what_is_made_of_itself_is_nothing() -> None:
    """A forged file may hold a circle, or a chain without end."""
    circle = [helper.make_node("Identity", [a], [b]) for a, b in ("uv", "vu")]
    assert constants(*circle).value("u") is None
    chain = [helper.make_node("Identity", [f"n{k}"], [f"n{k + 1}"]) for k in range(50)]
    assert constants(*chain, n0=[1.0]).value("n50") is None


def test_zeros_are_known_whatever_their_shape() -> None:
    known = constants(
        helper.make_node("ConstantOfShape", ["shape"], ["plain"]),
        helper.make_node("Expand", ["z", "shape"], ["spread"]),
        helper.make_node("Expand", ["y", "shape"], ["ones"]),
        z=[0.0],
        y=[1.0],
    )
    assert known.zeros("plain")
    assert known.zeros("spread")
    assert not known.zeros("ones")
    assert not known.zeros("nobody")


def test_values_in_other_files_are_refused() -> None:
    """A path inside a model is never followed."""
    known = constants(a=[1.0])
    tensor = known.initializers["a"]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    with pytest.raises(ConversionError, match="'a' lies in another file"):
        known.value("a")


DAMAGE: dict[str, Any] = {
    "cut": lambda tensor: setattr(tensor, "raw_data", b"abc"),
    "huge": lambda tensor: tensor.dims.append(2**62),
    "negative": lambda tensor: tensor.dims.append(-7),
    "no type": lambda tensor: setattr(tensor, "data_type", 99),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damaged_constants_are_refused(what: str) -> None:
    known = constants(a=[1.0, 2.0])
    DAMAGE[what](known.initializers["a"])
    with pytest.raises(ConversionError, match="the constant 'a' is damaged"):
        known.value("a")


def test_nodes_that_cannot_move_are_refused() -> None:
    wrong = helper.make_node("Reshape", ["a", "shape"], ["b"])
    shape = numpy_helper.from_array(np.array([7]), "shape")
    known = constants(wrong, a=[1.0, 2.0])
    known.initializers["shape"] = shape
    with pytest.raises(ConversionError, match="Reshape that makes 'b' cannot be run"):
        known.value("b")
    empty = onnx.NodeProto(op_type="Constant", output=["c"], name="nothing")
    with pytest.raises(ConversionError, match="the Constant 'nothing' is damaged"):
        constants(empty).value("c")
