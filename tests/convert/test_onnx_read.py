"""A model is read without being run: what is found, what is left, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from recurra.convert import from_onnx, onnx_constants, onnx_read, to_onnx
from recurra.convert.onnx_read import load_model, read_onnx
from recurra.errors import ConversionError
from recurra.layers import LSTM


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


def test_models_pass_and_bytes_are_parsed() -> None:
    whole = model(GRU)
    assert load_model(whole) is whole
    assert load_model(whole.SerializeToString()) == whole


ATTRIBUTES: dict[str, dict[str, Any]] = {
    "has hidden_size of type STRING: expected INT": {"hidden_size": "2"},
    "has activations of type STRING: expected STRINGS": {"activations": "Tanh"},
    "has clip of type INT: expected FLOAT": {"clip": 3},
    "'g' is no layer: gru: hidden_size must be a whole number": {"hidden_size": -1},
    "2 units over 3 inputs expected|with 3 units .* expected W": {"hidden_size": 3},
    "has an attribute 'mood' that is not read": {"mood": 1.0},
    "has clip=0.5": {"clip": 0.5},
    "activation ThresholdedRelu with alpha=2": {
        "activations": ["Sigmoid", "ThresholdedRelu"],
        "activation_alpha": [2.0],
    },
}


@pytest.mark.parametrize("what", ATTRIBUTES)
def test_attributes_that_are_not_ours_are_named(what: str) -> None:
    own = {"hidden_size": 2} | ATTRIBUTES[what]
    node = helper.make_node("GRU", ["x", "W", "R"], ["y"], name="g", **own)
    with pytest.raises(ConversionError, match=what):
        read_onnx(model(node))


def test_attributes_that_say_how_arrays_lie_are_taken() -> None:
    node = helper.make_node("GRU", ["x", "W", "R"], ["y"], hidden_size=2, layout=1)
    node.attribute.append(helper.make_attribute("output_sequence", 1))
    assert read_onnx(model(node))[0][0].node == read_onnx(model(GRU))[0][0].node


def test_shapes_that_disagree_are_named() -> None:
    for letter, shape, what in (
        ("R", (), "expected R with 3 axes"),
        ("W", (1, 6), "expected W with 3 axes"),
        ("W", (1, 5, 3), r"expected W \[6, 3\], got \[5, 3\]"),
        ("R", (1, 6, 3), "expected W|expected R"),
        ("W", (1, 6, 0), "input_size must be"),
    ):
        arrays = {"W": np.ones((1, 6, 3)), "R": np.ones((1, 6, 2))} | {letter: np.ones(shape)}
        with pytest.raises(ConversionError, match=what):
            read_onnx(model(GRU, weights=arrays))


def test_lengths_that_the_model_makes_are_told() -> None:
    lengths = numpy_helper.from_array(np.array([2, 1], "i4"), "n")
    whole = model(helper.make_node("GRU", ["x", "W", "R", "", "n"], ["y"], name="g"))
    whole.graph.initializer.append(lengths)
    assert read_onnx(whole)[0][0].notes == ("g: its sequence_lens, made by the model (n)",)


@pytest.mark.parametrize("lengths", [("", ""), ("n", "n"), ("n", "cast"), ("n", ""), ("", "n")])
def test_layers_over_other_lengths_are_not_one(lengths: tuple[str, str]) -> None:
    """The upper one would read what the lower never wrote; a cast changes no length."""
    below, above = lengths
    whole = model(
        helper.make_node("Cast", ["n"], ["cast"], to=TensorProto.INT32),
        helper.make_node("GRU", ["x", "W", "R", "", below], ["p"], name="g", hidden_size=2),
        helper.make_node("Squeeze", ["p", "one"], ["q"]),
        helper.make_node("GRU", ["q", "V", "R", "", above], ["y"], name="h", hidden_size=2),
        weights={"W": np.ones((1, 6, 3)), "V": np.ones((1, 6, 2)), "R": np.ones((1, 6, 2))},
    )
    whole.graph.input.append(helper.make_tensor_value_info("n", TensorProto.INT32, ["b"]))
    whole.graph.initializer.append(numpy_helper.from_array(np.array([1]), "one"))
    found, _ = read_onnx(whole)
    same = {below, above.replace("cast", "n")} in ({""}, {"n"})
    assert [one.name for one in found] == (["g"] if same else ["g", "h"])


def test_states_and_lengths_that_are_inputs_are_nothing_to_tell() -> None:
    """Also where they are cast or moved on the way, as in what recurra exports."""
    found, _ = read_onnx(to_onnx(LSTM(3, 2)))
    assert found[0].notes == ()


def test_layers_of_one_name_are_both_found() -> None:
    """Also where a node has no name and puts out its state alone."""
    same = helper.make_node("GRU", ["x", "W", "R"], ["z"], name="g", hidden_size=2)
    ends = [
        helper.make_node("GRU", ["x", "W", "R"], ["", name], hidden_size=2) for name in ("a", "b")
    ]
    found, _ = read_onnx(model(GRU, same, *ends))
    assert [one.name for one in found] == ["g", "g.2", "a", "b"]


def test_one_layer_that_is_not_ours_leaves_the_others() -> None:
    """It is told with its reason; asked for by name it is refused, and so is "the only one"."""
    clipped = helper.make_node("GRU", ["x", "W", "R"], ["z"], name="c", hidden_size=2, clip=0.5)
    above = helper.make_node("GRU", ["z", "W", "R"], ["q"], name="above", hidden_size=2)
    whole = model(GRU, clipped, above)
    found, left = read_onnx(whole)
    assert [one.name for one in found] == ["g", "above"]
    assert left == ("ONNX's GRU 'c' has clip=0.5: our cells do not do that",)
    with pytest.raises(ConversionError, match=r"3 recurrent layers: name one of .*'c'"):
        from_onnx(whole)
    with pytest.raises(ConversionError, match="'c' has clip="):
        from_onnx(whole, "c")
    assert from_onnx(whole, "g").node == found[0].node
    with pytest.raises(ConversionError, match="'c' has clip="):
        read_onnx(model(clipped))


def test_a_model_whose_layers_are_inside_others_says_so() -> None:
    branch = helper.make_graph([GRU], "then", [], [])
    node = helper.make_node("If", ["c"], ["q"], name="if", then_branch=branch, else_branch=branch)
    with pytest.raises(ConversionError, match="it has If; graphs inside others are not looked"):
        read_onnx(model(node))


def test_a_forged_file_costs_no_more_than_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Constants made of one another, 2^30 ways; one weight for all; a folder; 3 GiB of nothing."""
    nodes = []
    for k in range(30):
        for name in "uv":
            pair = ["u0", "v0"] if k == 0 else [f"u{k}", f"v{k}"]
            nodes.append(helper.make_node("Concat", pair, [f"{name}{k + 1}"], axis=0))
    nodes.append(helper.make_node("GRU", ["x", "u30", "R"], ["y"], hidden_size=2))
    nothing = {"u0": np.ones((0, 6, 3)), "v0": np.ones((0, 6, 3)), "R": np.ones((1, 6, 2))}
    with pytest.raises(ConversionError, match=r"expected W with 3 axes, .* got \[0, 6, 3\]"):
        read_onnx(model(*nodes, weights=nothing))
    monkeypatch.setattr(onnx_read, "MOST_VALUES", 10_000)
    monkeypatch.setattr(onnx_constants, "MOST_VALUES", 10_000)
    something = {name: np.ones((1, 6, 3)) for name in ("u0", "v0")} | {"R": nothing["R"]}
    with pytest.raises(ConversionError, match="is made of more values than a file can hold"):
        read_onnx(model(*nodes, weights=something))
    many = [helper.make_node("GRU", ["x", "W", "R"], [f"y{k}"], hidden_size=2) for k in range(400)]
    found, left = read_onnx(model(*many))
    assert len(found) + sum("hold more values than a file can" in line for line in left) == 400
    assert 0 < len(found) < 400
    with pytest.raises(ConversionError, match="is no file"):
        load_model(tmp_path)
    with (tmp_path / "huge.onnx").open("wb") as file:
        file.truncate(3 * 2**30)
    with pytest.raises(ConversionError, match=r"of 3\.0 GiB, and an ONNX model in one file ends"):
        load_model(tmp_path / "huge.onnx")


@given(seed=st.integers(0, 2**31))
def test_damage_is_refused_or_changes_values_only(seed: int) -> None:
    """A file cut off anywhere or with any bytes changed never shows a traceback."""
    raw = bytearray(WHOLE)
    random = np.random.default_rng(seed)
    if seed % 3 == 0:
        raw = raw[: random.integers(0, len(raw))]
    else:
        for at in random.integers(0, len(raw), random.integers(1, 9)):
            raw[at] = random.integers(0, 256)
    try:
        found, _ = read_onnx(bytes(raw))
    except ConversionError:
        return
    for one in found:
        assert {name: array.shape for name, array in one.weights.items()} == one.node.parameters()


WHOLE = model(
    helper.make_node("Transpose", ["flat"], ["W"], perm=[0, 2, 1]),
    helper.make_node("GRU", ["x", "W", "R"], ["y"], name="g", hidden_size=2),
    helper.make_node("Squeeze", ["y", "one"], ["z"]),
    helper.make_node("RNN", ["z", "U", "V"], ["end"], name="r", hidden_size=1),
    weights={
        "flat": np.ones((1, 3, 6)),
        "R": np.ones((1, 6, 2)),
        "U": np.ones((1, 1, 2)),
        "V": np.ones((1, 1, 1)),
    },
).SerializeToString()
