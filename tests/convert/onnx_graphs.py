"""Small graphs for the tests of the ONNX export: nodes in a row, drawn weights, and the check."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from recurra.convert.onnx_check import check_model
from recurra.convert.onnx_graph import model_of
from recurra.runtime import Network
from recurra.spec.graph import Graph, Step
from recurra.spec.node import AbstractNode, Signal
from recurra.spec.nodes import Embedding


def chain(*nodes: AbstractNode, size: int = 3) -> Graph:
    """Nodes one after another over x [B, T, size] (tokens below 11 where an embedding begins)."""
    first = isinstance(nodes[0], Embedding)
    inputs = {"x": Signal("steps", 11, "token") if first else Signal("steps", size)}
    names = ["x", *(f"s{k}" for k in range(len(nodes)))]
    steps = tuple(
        Step(name, node, (source,))
        for node, source, name in zip(nodes, names, names[1:], strict=False)
    )
    return Graph(inputs, steps, (names[-1],))


def weights(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    """Every parameter, float32."""
    random = np.random.default_rng(seed)
    return {n: random.uniform(-0.7, 0.7, s).astype("f4") for n, s in graph.parameters().items()}


def agreed(graph: Graph, seed: int = 0) -> onnx.ModelProto:
    """The model of a graph, valid and in agreement with the runtime."""
    model = model_of(graph, weights(graph, seed))
    onnx.checker.check_model(model, full_check=True)
    check = check_model(model, Network(graph, weights(graph, seed)), seed=seed)
    # Rounding in another order: 5e-7 was the most that was seen.
    assert check.max_abs_diff < 2e-6
    return model


def ops(model: onnx.ModelProto) -> list[str]:
    """The operators of a model's main graph, each once."""
    return sorted({node.op_type for node in model.graph.node})


def run(model: onnx.ModelProto, **inputs: Any) -> dict[str, np.ndarray]:
    """What ONNX Runtime puts out, by name."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))
