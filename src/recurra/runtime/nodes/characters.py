"""The characters of each word become its vector; each distinct word is read once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from recurra.errors import ShapeError, SpecError
from recurra.kernels.stream import Program
from recurra.runtime.nodes.bidirectional import NumpyBidirectional
from recurra.runtime.nodes.node import AbstractStateless, Array, below, counted, zero_skipped
from recurra.spec.characters import Characters

__all__ = ["NumpyCharacters"]


class NumpyCharacters(AbstractStateless):
    """Words as characters [B, T, W], 0 being padding on the right -> [B, T, H + H].

    The kernels' rows do not depend on one another, so a word's vector is the same bits wherever it
    stands.
    """

    placed: ClassVar[bool] = False

    def __init__(
        self, node: Characters, weights: Mapping[str, Array], dtype: np.dtype[Any]
    ) -> None:
        super().__init__(node, weights, dtype)
        self.encoder = NumpyBidirectional(node.cells, below(weights, "encoder."), dtype)

    def __call__(
        self,
        x: Array,
        state: Any,
        *,
        lengths: Array | None,
        valid: Array | None,
        starts: Array | None,  # noqa: ARG002 - no word depends on another
    ) -> tuple[Array, Any]:
        """Each word by itself; what stands at a step that does not count may be any number."""
        counts = counted(x, lengths, valid)
        words = zero_skipped(x, counts).reshape(-1, x.shape[2])
        distinct, where = np.unique(words, axis=0, return_inverse=True)
        y = self._read(distinct)[where.ravel()].reshape(*x.shape[:2], -1)
        return zero_skipped(y, counts), state

    def step(
        self,
        x_t: Array,
        state: Any,
        *,
        valid: Array | None,
        starts: Array | None,  # noqa: ARG002 - no word depends on another
    ) -> tuple[Array, Any]:
        """One word a row."""
        y, state = self(
            x_t[:, None],
            state,
            lengths=None,
            valid=None if valid is None else valid[:, None],
            starts=None,
        )
        return y[:, 0], state

    def place(self, program: Program, source: int) -> int:  # noqa: ARG002 - refused whatever it is
        """Never: a native program reads one number or one row of floats a step."""
        raise SpecError("characters reads several tokens a step, a native program one")

    def _read(self, words: Array) -> Array:
        """[N, W] -> [N, H + H]."""
        table = self.weights["weight"]
        if words.size and not (words.min() >= 0 and words.max() < len(table)):
            wrong = words[(words < 0) | (words >= len(table))][0]
            raise ShapeError(f"characters expected tokens from 0 below {len(table)}, got {wrong}")
        lengths = np.count_nonzero(words, axis=1).astype(np.int64)
        words = words[:, : int(lengths.max(initial=0))]
        state = self.encoder.initial_state(len(words))
        _, (ahead, back) = self.encoder(
            table[words], state, lengths=lengths, valid=None, starts=None
        )
        return np.concatenate([ahead[0], back[0]], axis=1)
