"""Dropout at inference: what comes in goes out."""

from __future__ import annotations

from typing import Any

from recurra.kernels.stream import Program
from recurra.runtime.nodes.node import AbstractStateless, Array

__all__ = ["NumpyDropout"]


class NumpyDropout(AbstractStateless):
    """The identity."""

    def __call__(
        self,
        x: Array,
        state: Any,
        *,
        lengths: Array | None,  # noqa: ARG002 - the identity treats all steps alike
        valid: Array | None,  # noqa: ARG002 - the same
        starts: Array | None,  # noqa: ARG002 - the same
    ) -> tuple[Array, Any]:
        """X as it is."""
        return x, state

    def step(
        self,
        x_t: Array,
        state: Any,
        *,
        valid: Array | None,  # noqa: ARG002 - the same
        starts: Array | None,  # noqa: ARG002 - the same
    ) -> tuple[Array, Any]:
        """X_t as it is."""
        return x_t, state

    def place(self, program: Program, source: int) -> int:  # noqa: ARG002 - nothing is placed
        """The value that it reads."""
        return source
