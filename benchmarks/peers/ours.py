"""The contender: recurra itself, in numpy as the runtime runs it, in torch as training does."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks.harness import Contender
from benchmarks.layer import WEIGHTS, Array, Layer, as_array
from recurra import kernels, layers

__all__ = ["inference", "step", "training"]

_LAYERS = {"gru": layers.GRU, "lstm": layers.LSTM, "rnn": layers.RNN}


def inference(layer: Layer, threads: int) -> Contender:
    """The runtime's kernels: weights packed once."""
    packed = getattr(kernels, layer.family).Packed(**layer.weights, **layer.choices)
    states = layer.states()

    def call() -> Any:
        return packed.forward(layer.x, **states, threads=threads)

    return Contender(call, lambda: {"y": call().y})


def training(layer: Layer, _threads: int) -> Contender:
    """The torch layer, forward and backward; torch says how many threads."""
    module = _LAYERS[layer.family](*layer.shape[2:], **layer.choices)
    with torch.no_grad():
        for name in WEIGHTS:
            getattr(module, name).copy_(torch.from_numpy(layer.weights[name]))
    x, dy = torch.from_numpy(layer.x).requires_grad_(), torch.from_numpy(layer.dy)

    def call() -> None:
        module.zero_grad()
        x.grad = None
        module(x)[0].backward(dy)

    def results() -> dict[str, Array]:
        call()
        return {"x": as_array(x.grad)} | {n: as_array(getattr(module, n).grad) for n in WEIGHTS}

    return Contender(call, results)


def step(layer: Layer, threads: int) -> Contender:
    """One step of B sessions: weights packed once, the state written in place."""
    packed = getattr(kernels, layer.family).Packed(**layer.weights, **layer.choices)
    x, h = np.ascontiguousarray(layer.x[:, 0]), layer.states()["h0"].copy()

    def call() -> Any:
        return packed.step(x, h, out=h, threads=threads)

    return Contender(
        call, lambda: {"y": packed.step(x, np.zeros_like(h), threads=threads)[:, None]}
    )
