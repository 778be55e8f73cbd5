"""The contender: recurra itself, in numpy as the runtime runs it, in torch as training does."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks.harness import Contender
from benchmarks.layer import Array, Layer, as_array
from recurra import kernels, layers
from recurra.runtime import Network
from recurra.spec.cells import GRUCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal

__all__ = ["inference", "step", "training"]

_LAYERS = {"gru": layers.GRU, "lstm": layers.LSTM, "rnn": layers.RNN, "mingru": layers.MinGRU}
_KERNELS = {"mingru": kernels.scan}


def inference(layer: Layer, threads: int) -> Contender:
    """The runtime's kernels: weights packed once."""
    face = _KERNELS.get(layer.family) or getattr(kernels, layer.family)
    packed = face.Packed(**layer.weights, **layer.choices)
    states = layer.states()

    def call() -> Any:
        return packed.forward(layer.x, **states, threads=threads)

    return Contender(call, lambda: {"y": call().y})


def training(layer: Layer, _threads: int) -> Contender:
    """The torch layer, forward and backward; torch says how many threads."""
    module = _LAYERS[layer.family](*layer.shape[2:], **layer.choices)
    with torch.no_grad():
        for name in layer.weights:
            getattr(module, name).copy_(torch.from_numpy(layer.weights[name]))
    x, dy = torch.from_numpy(layer.x).requires_grad_(), torch.from_numpy(layer.dy)

    def call() -> None:
        module.zero_grad()
        x.grad = None
        module(x)[0].backward(dy)

    def results() -> dict[str, Array]:
        call()
        return {"x": as_array(x.grad)} | {
            n: as_array(getattr(module, n).grad) for n in layer.weights
        }

    return Contender(call, results)


def step(layer: Layer, threads: int) -> Contender:
    """One observation of B sessions through the runtime's stream, without codec and decoder."""
    batch, _, inputs, hidden = layer.shape
    cell = GRUCell(input_size=inputs, hidden_size=hidden, **layer.choices)
    graph = Graph({"x": Signal("steps", inputs)}, (Step("cell", cell, ("x",)),), ("cell",))
    weights = {f"cell.{name}": weight for name, weight in layer.weights.items()}
    stream = Network(graph, weights).stream(batch, threads=threads)
    x = np.ascontiguousarray(layer.x[:, 0])
    y = np.empty((batch, hidden), x.dtype)

    def call() -> Any:
        return stream.feed(x, out=y)

    def results() -> dict[str, Array]:
        stream.restart()
        return {"y": stream.feed(x)[:, None]}

    return Contender(call, results)
