"""Recurrent layers above one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra.kernels.stream import Program
from recurra.runtime.nodes.bidirectional import NumpyBidirectional
from recurra.runtime.nodes.node import AbstractNumpyNode, Array, below, counted, zero_skipped
from recurra.runtime.nodes.recurrent import NumpyRecurrent
from recurra.spec.cells import AbstractCell
from recurra.spec.nodes import Bidirectional, Stack
from recurra.spec.state import StackState

__all__ = ["NumpyStack"]


class NumpyStack(AbstractNumpyNode):
    """Each layer takes what the one below puts out; with `residual` it adds its input to it.

    What is added at a step that does not count is zero, so a skipped step repeats h alone there.
    """

    def __init__(self, node: Stack, weights: Mapping[str, Array], dtype: np.dtype[Any]) -> None:
        super().__init__(node, weights, dtype)
        self.residual = node.residual
        self.layers: list[NumpyRecurrent | NumpyBidirectional] = []
        for k, layer in enumerate(node.layers):
            own = below(weights, f"layers.{k}.")
            if isinstance(layer, Bidirectional):
                self.layers.append(NumpyBidirectional(layer, own, dtype))
            elif isinstance(layer, AbstractCell):
                self.layers.append(NumpyRecurrent(layer, own, dtype))

    def initial_state(self, batch: int) -> StackState:
        """Of every layer."""
        return StackState(tuple(layer.initial_state(batch) for layer in self.layers))

    def __call__(
        self,
        x: Array,
        state: StackState,
        *,
        lengths: Array | None,
        valid: Array | None,
        starts: Array | None,
    ) -> tuple[Array, StackState]:
        """Layer after layer over the whole of x."""
        states = []
        counts = counted(x, lengths, valid) if self.residual else None
        for layer, own in zip(self.layers, state.layers, strict=True):
            y, after = layer(x, own, lengths=lengths, valid=valid, starts=starts)
            states.append(after)
            x = y + zero_skipped(x, counts) if self.residual and y.shape == x.shape else y
        return x, StackState(tuple(states))

    def step(
        self, x_t: Array, state: StackState, *, valid: Array | None, starts: Array | None
    ) -> tuple[Array, StackState]:
        """Layer after layer over one step."""
        states = []
        for layer, own in zip(self.layers, state.layers, strict=True):
            y, after = layer.step(x_t, own, valid=valid, starts=starts)
            states.append(after)
            if self.residual and y.shape == x_t.shape:
                y = y + (x_t if valid is None else np.where(valid[:, None], x_t, y.dtype.type(0)))
            x_t = y
        return x_t, StackState(tuple(states))

    def place(self, program: Program, source: int) -> int:
        """Layer after layer."""
        for layer in self.layers:
            if isinstance(layer, NumpyRecurrent):
                alike = layer.node.input_size == layer.node.hidden_size
                source = layer.place(program, source, residual=self.residual and alike)
            else:
                source = layer.place(program, source)
        return source
