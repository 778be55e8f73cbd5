"""A model says its opset, axes, state and metadata; what has no form in ONNX is named."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from recurra.convert.onnx_graph import OPSET, model_of
from recurra.errors import ConversionError
from recurra.spec.attention import Attention
from recurra.spec.cells import LSTMCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Embedding, Linear

NODE = LSTMCell(input_size=2, hidden_size=3)
GRAPH = Graph({"x": Signal("steps", 2)}, (Step("lstm", NODE, ("x",)),), ("lstm",))


def weights(graph: Graph, dtype: str = "f4") -> dict[str, np.ndarray]:
    return {name: np.ones(shape, dtype) for name, shape in graph.parameters().items()}


def axes(value: onnx.ValueInfoProto) -> list[str | int]:
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def test_what_a_model_says_of_itself() -> None:
    model = model_of(GRAPH, weights(GRAPH), {"task": "分类"})
    onnx.checker.check_model(model, full_check=True)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", OPSET)]
    assert {i.name: axes(i) for i in model.graph.input} == {
        "x": ["batch", "time", 2],
        "lengths": ["batch"],
        "state.lstm.h": ["batch", 3],
        "state.lstm.c": ["batch", 3],
    }
    assert {o.name: axes(o) for o in model.graph.output} == {
        "lstm": ["batch", "time", 3],
        "next_state.lstm.h": ["batch", 3],
        "next_state.lstm.c": ["batch", 3],
    }
    assert {p.key: p.value for p in model.metadata_props} == {"task": "分类"}


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(ConversionError, match=r"lstm\.input_weight is of float64"):
        model_of(GRAPH, weights(GRAPH, "f8"))
    wide = Embedding(tokens=2**20, size=600)
    table = Graph({"x": Signal("steps", 2**20, "token")}, (Step("e", wide, ("x",)),), ("e",))
    nothing = {"e.weight": np.broadcast_to(np.float32(1), (2**20, 600))}
    with pytest.raises(ConversionError, match=r"of 2\.3 GiB, and an ONNX model in one file ends"):
        model_of(table, nothing)
    named = Graph({"lengths": Signal("steps", 2)}, (Step("a", NODE, ("lengths",)),), ("a",))
    with pytest.raises(ConversionError, match="an input or output named 'lengths'"):
        model_of(named, weights(named))


def test_every_signal_says_its_axes() -> None:
    inputs = {
        "x": Signal("steps", 3),
        "memory": Signal("memory", 2),
        "places": Signal("row", 1, "length"),
        "words": Signal("pieces", 5, "token"),
        "row": Signal("row", 4),
    }
    reading = Attention(query_size=3, key_size=2)
    graph = Graph(inputs, (Step("weights", reading, ("x", "memory", "places")),), ("weights",))
    model = model_of(graph, weights(graph))
    assert {i.name: axes(i) for i in model.graph.input} == {
        "x": ["batch", "time", 3],
        "memory": ["batch", "places", 2],
        "places": ["batch"],
        "words": ["batch", "time", "width"],
        "row": ["batch", 4],
        "lengths": ["batch"],
    }
    assert axes(model.graph.output[0]) == ["batch", "time", "places"]


def test_rows_alone_have_no_lengths() -> None:
    node = Linear(input_size=2, output_size=1)
    graph = Graph({"r": Signal("row", 2)}, (Step("a", node, ("r",)),), ("a",))
    model = model_of(graph, weights(graph))
    assert [i.name for i in model.graph.input] == ["r"]
