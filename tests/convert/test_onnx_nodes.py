"""Every node that is written computes in ONNX Runtime what it computes here, whole and stepwise."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.convert.onnx_check import check_model
from recurra.convert.onnx_graph import model_of
from recurra.errors import ConversionError
from recurra.runtime import Network
from recurra.spec.cells import GRUCell, LSTMCell, MinGRUCell, RNNCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import AbstractNode, Signal
from recurra.spec.nodes import Bidirectional, Dropout, Embedding, Linear, Pool, Stack

X = {"x": Signal("steps", 3)}
POOL = Pool(size=4, modes=("last", "mean", "max"))


def chain(*nodes: AbstractNode) -> Graph:
    """Nodes one after another over x [B, T, 3] (tokens below 11 where an embedding begins)."""
    first = isinstance(nodes[0], Embedding)
    inputs = {"x": Signal("steps", 11, "token")} if first else X
    names = ["x", *(f"s{k}" for k in range(len(nodes)))]
    steps = tuple(
        Step(name, node, (source,))
        for node, source, name in zip(nodes, names, names[1:], strict=False)
    )
    return Graph(inputs, steps, (names[-1],))


def network(graph: Graph, seed: int = 0) -> Network:
    random = np.random.default_rng(seed)
    return Network(
        graph,
        {n: random.uniform(-0.7, 0.7, s).astype("f4") for n, s in graph.parameters().items()},
    )


def weights(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {n: random.uniform(-0.7, 0.7, s).astype("f4") for n, s in graph.parameters().items()}


def lstm(inputs: int = 3, **more: bool) -> LSTMCell:
    return LSTMCell(input_size=inputs, hidden_size=4, **more)


def gru(inputs: int = 3, **more: bool) -> GRUCell:
    return GRUCell(input_size=inputs, hidden_size=4, **more)


GRAPHS = {
    "gru": chain(gru()),
    "before": chain(GRUCell(input_size=3, hidden_size=4, reset="before", activation="softsign")),
    "no reset": chain(GRUCell(input_size=3, hidden_size=4, reset="none")),
    "no reset, no bias": chain(GRUCell(input_size=3, hidden_size=4, reset="none", bias=False)),
    "mingru": chain(MinGRUCell(input_size=3, hidden_size=4)),
    "lstm": chain(lstm(learn_initial_state=True)),
    "rnn": chain(RNNCell(input_size=3, hidden_size=4, activation="relu", bias=False)),
    "both ways": chain(Bidirectional(forward=lstm(learn_initial_state=True), backward=lstm())),
    "residual": chain(
        Stack(layers=(gru(), lstm(4)), residual=True), POOL, Linear(input_size=12, output_size=2)
    ),
    "deep both ways": chain(
        Stack(layers=(Bidirectional(forward=gru(), backward=gru()), gru(8))), POOL
    ),
    "text": chain(
        Embedding(tokens=11, size=5),
        Dropout(rate=0.5),
        gru(5),
        Linear(input_size=4, output_size=11, bias=False),
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_onnx_runtime_computes_the_same(name: str) -> None:
    """Outputs and every state slot; lengths from 0 to T; one step at a time where it streams."""
    graph = GRAPHS[name]
    check = check_model(model_of(graph, weights(graph)), network(graph), seed=len(name))
    assert check.stepwise == (graph.why_not_streaming() is None)
    # Rounding in another order: 3e-7 was the most that was seen.
    assert check.max_abs_diff < 2e-6
    if check.stepwise:
        assert {o.name for o in model_of(graph, weights(graph)).graph.output} == {
            *graph.outputs,
            *(f"next_state.{path}" for path in graph.state_slots()),
        }


def test_a_node_without_a_form_is_refused_by_name() -> None:
    class Mystery(Dropout):
        kind = "mystery"

    graph = chain(Mystery(rate=0.1))
    with pytest.raises(ConversionError, match=r"step 's0' is a mystery, .*; there are bidirect"):
        model_of(graph, {})
