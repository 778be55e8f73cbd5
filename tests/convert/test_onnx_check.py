"""An export that computes something else, or cannot run, is refused before it is written."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import numpy_helper

from recurra.convert.onnx_check import PROMISED, check_model
from recurra.convert.onnx_graph import model_of
from recurra.errors import ConversionError
from recurra.runtime import Network
from recurra.spec.cells import GRUCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal

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


def test_a_missing_output_or_a_model_that_does_not_run_is_refused() -> None:
    model = model_of(GRAPH, weights())
    del model.graph.output[1]
    with pytest.raises(ConversionError, match=r"next_state\.gru\.h .* got nothing"):
        check_model(model, Network(GRAPH, weights()))
    model.graph.node[0].op_type = "Nonsense"
    with pytest.raises(ConversionError, match="ONNX Runtime refuses the model"):
        check_model(model, Network(GRAPH, weights()))
