"""Every node that is written computes in ONNX Runtime what it computes here, whole and stepwise."""

from __future__ import annotations

import numpy as np
import pytest

from convert.onnx_graphs import agreed, chain, run, weights
from recurra.convert.onnx_graph import model_of
from recurra.errors import ConversionError
from recurra.spec.cells import GRUCell, LSTMCell
from recurra.spec.concat import Concat
from recurra.spec.crf import Crf
from recurra.spec.dense import Dense
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Bidirectional, Dropout, Embedding, Linear, Pool, Stack


def gru(inputs: int = 3) -> GRUCell:
    return GRUCell(input_size=inputs, hidden_size=4)


X = Signal("steps", 3)
GRAPHS = {
    "residual": chain(
        Stack(layers=(gru(), LSTMCell(input_size=4, hidden_size=4)), residual=True),
        Pool(size=4, modes=("last", "mean", "max")),
        Linear(input_size=12, output_size=2),
    ),
    "deep both ways": chain(
        Stack(layers=(Bidirectional(forward=gru(), backward=gru()), gru(8))), Pool(size=4)
    ),
    "text": chain(
        Embedding(tokens=11, size=5),
        Dropout(rate=0.5),
        gru(5),
        Linear(input_size=4, output_size=11, bias=False),
    ),
    "dense": chain(Dense(input_size=3, output_size=3, activation="hard_tanh"), gru()),
    "concat": Graph(
        {"x": X, "right": Signal("steps", 2)},
        (Step("both", Concat(left=3, right=2), ("x", "right")), Step("gru", gru(5), ("both",))),
        ("gru", "both"),
    ),
    "crf": chain(gru(), Linear(input_size=4, output_size=3), Crf(tags=3)),
    "rows": Graph(
        {"row": Signal("row", 2)},
        (Step("dense", Dense(input_size=2, output_size=3, bias=False), ("row",)),),
        ("dense",),
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_onnx_runtime_computes_the_same(name: str) -> None:
    """Outputs and every state slot; lengths from 0 to T; one step at a time where it streams."""
    agreed(GRAPHS[name], seed=len(name))


def test_a_crf_puts_out_what_it_knows_of_neighbours() -> None:
    """start, follow row by row, end: the same row for every sequence."""
    graph = chain(Crf(tags=3))
    own = weights(graph)
    made = run(model_of(graph, own), x=np.zeros((2, 4, 3), np.float32), lengths=np.array([4, 0]))
    parts = [own[f"s0.{name}"].ravel() for name in ("start", "follow", "end")]
    np.testing.assert_array_equal(made["s0"], np.tile(np.concatenate(parts), (2, 1)))


def test_a_node_without_a_form_is_refused_by_name() -> None:
    class Mystery(Dropout):
        kind = "mystery"

    graph = chain(Mystery(rate=0.1))
    with pytest.raises(ConversionError, match=r"step 's0' is a mystery, .*; there are attention"):
        model_of(graph, {})
