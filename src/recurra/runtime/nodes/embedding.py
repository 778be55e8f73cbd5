"""Tokens -> rows of a table."""

from __future__ import annotations

from typing import Any

from recurra.errors import ShapeError
from recurra.kernels.stream import Program
from recurra.runtime.nodes.node import AbstractStateless, Array, counted, zero_skipped

__all__ = ["NumpyEmbedding"]


class NumpyEmbedding(AbstractStateless):
    """Tokens [B, T] -> [B, T, size], zero at steps that do not count."""

    def __call__(
        self,
        x: Array,
        state: Any,
        *,
        lengths: Array | None,
        valid: Array | None,
        starts: Array | None,  # noqa: ARG002 - no step depends on another
    ) -> tuple[Array, Any]:
        """Each token by itself; what stands at a step that does not count may be any number."""
        counts = counted(x, lengths, valid)
        return zero_skipped(self._rows(zero_skipped(x, counts)), counts), state

    def step(
        self,
        x_t: Array,
        state: Any,
        *,
        valid: Array | None,
        starts: Array | None,  # noqa: ARG002 - no step depends on another
    ) -> tuple[Array, Any]:
        """One token a row."""
        y, state = self(
            x_t[:, None],
            state,
            lengths=None,
            valid=None if valid is None else valid[:, None],
            starts=None,
        )
        return y[:, 0], state

    def place(self, program: Program, source: int) -> int:
        """Its table."""
        return program.embedding(self.weights["weight"], source)

    def _rows(self, tokens: Array) -> Array:
        table = self.weights["weight"]
        # A negative index would read from the end of the table instead of failing.
        if tokens.size and not (tokens.min() >= 0 and tokens.max() < len(table)):
            wrong = tokens[(tokens < 0) | (tokens >= len(table))][0]
            raise ShapeError(f"embedding expected tokens from 0 below {len(table)}, got {wrong}")
        return table[tokens]
