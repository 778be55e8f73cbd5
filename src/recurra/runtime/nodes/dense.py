"""y = a(W x + b) along the last axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra.kernels import linear
from recurra.kernels.elementwise import activated
from recurra.kernels.stream import Program
from recurra.runtime.nodes.node import AbstractStateless, Array, counted, zero_skipped
from recurra.spec.dense import Dense

__all__ = ["NumpyDense"]


class NumpyDense(AbstractStateless):
    """Steps [B, T, I] -> [B, T, O], zero at steps that do not count; or rows [B, I] -> [B, O]."""

    node: Dense

    def __init__(self, node: Dense, weights: Mapping[str, Array], dtype: np.dtype[Any]) -> None:
        super().__init__(node, weights, dtype)
        self.packed = linear.Packed(weights["weight"], weights.get("bias"))

    def __call__(
        self,
        x: Array,
        state: Any,
        *,
        lengths: Array | None,
        valid: Array | None,
        starts: Array | None,  # noqa: ARG002 - no step depends on another
    ) -> tuple[Array, Any]:
        """Each step or row by itself."""
        if x.ndim == 2:
            return self._mapped(x), state
        batch, time, width = x.shape
        counts = counted(x, lengths, valid)
        y = self._mapped(zero_skipped(x, counts).reshape(batch * time, width))
        return zero_skipped(y.reshape(batch, time, y.shape[1]), counts), state

    def step(
        self,
        x_t: Array,
        state: Any,
        *,
        valid: Array | None,
        starts: Array | None,  # noqa: ARG002 - no step depends on another
    ) -> tuple[Array, Any]:
        """One step or row."""
        y = self._mapped(x_t)
        return (y if valid is None else np.where(valid[:, None], y, y.dtype.type(0))), state

    def place(self, program: Program, source: int) -> int:
        """Its packed weights and its activation."""
        return program.linear(self.packed, source, self.node.activation)

    def _mapped(self, rows: Array) -> Array:
        return activated(self.node.activation, self.packed.forward(rows))
