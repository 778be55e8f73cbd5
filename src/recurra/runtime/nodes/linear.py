"""y = W x + b along the last axis, on the kernel whose order of summation is fixed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra.kernels import linear
from recurra.kernels.stream import Program
from recurra.runtime.nodes.node import AbstractStateless, Array, counted, zero_skipped
from recurra.spec.node import AbstractNode

__all__ = ["NumpyLinear"]


class NumpyLinear(AbstractStateless):
    """Steps [B, T, I] -> [B, T, O], zero at steps that do not count; or rows [B, I] -> [B, O]."""

    def __init__(
        self, node: AbstractNode, weights: Mapping[str, Array], dtype: np.dtype[Any]
    ) -> None:
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
            return self.packed.forward(x), state
        batch, time, width = x.shape
        counts = counted(x, lengths, valid)
        rows = zero_skipped(x, counts).reshape(batch * time, width)
        y = self.packed.forward(rows)
        y = y.reshape(batch, time, y.shape[1])
        return zero_skipped(y, counts), state

    def step(
        self,
        x_t: Array,
        state: Any,
        *,
        valid: Array | None,
        starts: Array | None,  # noqa: ARG002 - no step depends on another
    ) -> tuple[Array, Any]:
        """One step or row."""
        y = self.packed.forward(x_t)
        return (y if valid is None else np.where(valid[:, None], y, y.dtype.type(0))), state

    def place(self, program: Program, source: int) -> int:
        """Its packed weights."""
        return program.linear(self.packed, source)
