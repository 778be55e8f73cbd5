"""Two signals side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.kernels.stream import Program
from recurra.runtime.nodes.node import AbstractStateless, Array, counted, zero_skipped

__all__ = ["NumpyConcat"]


class NumpyConcat(AbstractStateless):
    """Steps [B, T, left] and [B, T, right] -> [B, T, left + right], zero where skipped."""

    def __call__(  # type: ignore[override]  # nodes of two inputs take two
        self,
        x: Array,
        right: Array,
        state: Any,
        *,
        lengths: Array | None,
        valid: Array | None,
        starts: Array | None,  # noqa: ARG002 - no step depends on another
    ) -> tuple[Array, Any]:
        """Each step by itself."""
        both = np.concatenate([x, right], axis=2)
        return zero_skipped(both, counted(x, lengths, valid)), state

    def step(  # type: ignore[override]  # the same
        self,
        x_t: Array,
        right_t: Array,
        state: Any,
        *,
        valid: Array | None,
        starts: Array | None,  # noqa: ARG002 - no step depends on another
    ) -> tuple[Array, Any]:
        """One step."""
        both = np.concatenate([x_t, right_t], axis=1)
        return (
            both if valid is None else np.where(valid[:, None], both, both.dtype.type(0))
        ), state

    def place(  # type: ignore[override]  # the same
        self, program: Program, left: int, right: int
    ) -> int:
        """The two values side by side."""
        return program.concat(left, right)
