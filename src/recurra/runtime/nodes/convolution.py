"""A causal convolution along time, one step at a time: the newest steps are the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra.kernels import linear
from recurra.kernels.elementwise import activated
from recurra.kernels.stream import Program
from recurra.runtime.nodes.node import AbstractNumpyNode, Array, counted, zero_skipped
from recurra.spec.convolution import Convolution
from recurra.spec.state import ConvolutionState

__all__ = ["NumpyConvolution"]


class NumpyConvolution(AbstractNumpyNode):
    """Steps [B, T, I] -> [B, T, O], zero at steps that do not count."""

    node: Convolution

    def __init__(
        self, node: Convolution, weights: Mapping[str, Array], dtype: np.dtype[Any]
    ) -> None:
        super().__init__(node, weights, dtype)
        self.packed = linear.Packed(weights["weight"], weights.get("bias"))

    def initial_state(self, batch: int) -> ConvolutionState[Array]:
        """Zeros before the first step."""
        shape = (batch, self.node.width - 1, self.node.input_size)
        return ConvolutionState(np.zeros(shape, self.dtype))

    def __call__(
        self,
        x: Array,
        state: ConvolutionState[Array],
        *,
        lengths: Array | None,
        valid: Array | None,
        starts: Array | None,
    ) -> tuple[Array, ConvolutionState[Array]]:
        """All windows at once where no step is left out, else step by step."""
        batch, time, size = x.shape
        width = self.node.width
        counts = counted(x, lengths, valid)
        if counts is None and starts is None and time:
            flowing = np.concatenate([state.recent, x], axis=1)
            windows = np.lib.stride_tricks.sliding_window_view(flowing, width, axis=1)
            rows = windows.transpose(0, 1, 3, 2).reshape(batch * time, width * size)
            y = self._mapped(rows).reshape(batch, time, self.node.output_size)
            return y, ConvolutionState(np.ascontiguousarray(flowing[:, time:]))
        if starts is not None and lengths is not None:
            starts = starts & (np.arange(time) < lengths[:, None])
        y = np.zeros((batch, time, self.node.output_size), self.dtype)
        for t in range(time):
            y[:, t], state = self.step(
                x[:, t],
                state,
                valid=None if counts is None else counts[:, t],
                starts=None if starts is None else starts[:, t],
            )
        return zero_skipped(y, counts), state

    def step(
        self,
        x_t: Array,
        state: ConvolutionState[Array],
        *,
        valid: Array | None,
        starts: Array | None,
    ) -> tuple[Array, ConvolutionState[Array]]:
        """One window."""
        recent = state.recent
        if starts is not None:
            recent = np.where(starts[:, None, None], recent.dtype.type(0), recent)
        if valid is not None:
            # 0 * NaN is NaN: what must not be read is replaced.
            x_t = np.where(valid[:, None], x_t, x_t.dtype.type(0))
        window = np.concatenate([recent, x_t[:, None]], axis=1)
        y = self._mapped(window.reshape(len(x_t), -1))
        if valid is None:
            return y, ConvolutionState(np.ascontiguousarray(window[:, 1:]))
        after = np.where(valid[:, None, None], window[:, 1:], recent)
        return np.where(valid[:, None], y, y.dtype.type(0)), ConvolutionState(after)

    def place(self, program: Program, source: int) -> int:
        """The window, and the map of it."""
        window = program.window(source, self.node.width)
        return program.linear(self.packed, window, self.node.activation)

    def _mapped(self, rows: Array) -> Array:
        return activated(self.node.activation, self.packed.forward(np.ascontiguousarray(rows)))
