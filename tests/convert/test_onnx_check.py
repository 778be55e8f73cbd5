"""An export that computes something else, or cannot run, is refused before it is written."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import numpy_helper

from recurra.convert.onnx_check import PROMISED, check_model
from recurra.convert.onnx_graph import model_of
from recurra.errors import ConversionError
from recurra.runtime import Network
from recurra.spec.attention import LENGTHS, Attention, Mixture
from recurra.spec.cells import GRUCell, LSTMCell
from recurra.spec.characters import Characters
from recurra.spec.convolution import Convolution
from recurra.spec.crf import Crf
from recurra.spec.dense import Dense
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import GRUD, Bidirectional, Embedding, Linear

GRAPH = Graph(
    {"x": Signal("steps", 2)},
    (Step("gru", GRUCell(input_size=2, hidden_size=3), ("x",)),),
    ("gru",),
)


def weights() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    return {n: random.normal(size=s).astype("f4") for n, s in GRAPH.parameters().items()}


def test_a_true_export_passes() -> None:
    check = check_model(model_of(GRAPH, weights()), Network(GRAPH, weights()))
    assert check.max_abs_diff < PROMISED
    assert check.stepwise
    assert check.runs == 4 + 1 + 9 + 3 + 17


@pytest.mark.parametrize("damage", ["sign", "nan", "reset"])
def test_a_wrong_one_is_refused(damage: str) -> None:
    """A turned update gate, a NaN, or the reset gate on the other side of the product."""
    model = model_of(GRAPH, weights())
    for one in model.graph.initializer:
        if one.name == "gru.W" and damage != "reset":
            array = numpy_helper.to_array(one).copy()
            array[:, :3] *= -1 if damage == "sign" else np.nan
            one.CopyFrom(numpy_helper.from_array(array, one.name))
    if damage == "reset":
        node = next(node for node in model.graph.node if node.op_type == "GRU")
        next(a for a in node.attribute if a.name == "linear_before_reset").i = 0
    with pytest.raises(ConversionError, match=r"the export is refused: gru \[B=1, T=1\]|gru \["):
        check_model(model, Network(GRAPH, weights()))


VALUES, TIMES = Signal("steps", 2), Signal("steps", 1)
CELL = GRUCell(input_size=4, hidden_size=3)
EVERY = {
    "grud": Graph(
        {"x": VALUES, "observed": VALUES, "elapsed": TIMES},
        (Step("grud", GRUD(cell=CELL), ("x", "observed", "elapsed")),),
        ("grud",),
    ),
    "attention": Graph(
        {"x": VALUES, "memory": Signal("memory", 2), "places": LENGTHS},
        (
            Step(
                "weights",
                Attention(query_size=2, key_size=2, score="additive"),
                ("x", "memory", "places"),
            ),
            Step("read", Mixture(size=2), ("weights", "memory", "places")),
        ),
        ("read",),
    ),
    "characters": Graph(
        {"x": Signal("pieces", 7, "token")},
        (
            Step(
                "word",
                Characters(tokens=7, encoder=Bidirectional(forward=CELL, backward=CELL)),
                ("x",),
            ),
        ),
        ("word",),
    ),
    "line": Graph(
        {"x": Signal("steps", 5, "token")},
        (
            Step("embed", Embedding(tokens=5, size=3), ("x",)),
            Step("wide", Convolution(input_size=3, output_size=3, activation="tanh"), ("embed",)),
            Step("dense", Dense(input_size=3, output_size=4), ("wide",)),
            Step("cell", LSTMCell(input_size=4, hidden_size=3, zoneout=0.1), ("dense",)),
            Step("head", Linear(input_size=3, output_size=2), ("cell",)),
            Step("crf", Crf(tags=2), ("head",)),
        ),
        ("head", "crf"),
    ),
}


@pytest.mark.parametrize("name", EVERY)
def test_every_weight_counts(name: str) -> None:
    """A model in which one array is another by a little is refused, whichever it is."""
    graph = EVERY[name]
    random = np.random.default_rng(0)
    own = {n: random.uniform(0.1, 0.7, s).astype("f4") for n, s in graph.parameters().items()}
    true = model_of(graph, own)
    assert check_model(true, Network(graph, own)).max_abs_diff < PROMISED
    names = [one.name for one in true.graph.initializer if not one.name.startswith("constant/")]
    assert len(names) >= 3
    for k, damaged in enumerate(names):
        model = model_of(graph, own)
        one = next(one for one in model.graph.initializer if one.name == damaged)
        array = numpy_helper.to_array(one) + np.float32(0.05)
        one.CopyFrom(numpy_helper.from_array(array, damaged))
        with pytest.raises(ConversionError, match="the export is refused"):
            check_model(model, Network(graph, own), seed=k)


def test_a_missing_output_or_a_model_that_does_not_run_is_refused() -> None:
    model = model_of(GRAPH, weights())
    del model.graph.output[1]
    with pytest.raises(ConversionError, match=r"next_state\.gru\.h .* got nothing"):
        check_model(model, Network(GRAPH, weights()))
    model.graph.node[0].op_type = "Nonsense"
    with pytest.raises(ConversionError, match="ONNX Runtime refuses the model"):
        check_model(model, Network(GRAPH, weights()))
