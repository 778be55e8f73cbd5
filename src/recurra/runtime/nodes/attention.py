"""How a decoder reads a memory, in numpy.

Sums over the places of a memory run in their order, and places beyond its lengths add exact zeros:
so neither padding nor neighbours nor the number of steps at a time change a bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from recurra.errors import SpecError
from recurra.kernels import linear
from recurra.kernels.elementwise import elementwise
from recurra.kernels.stream import Program
from recurra.runtime.nodes.node import AbstractStateless, Array, counted, zero_skipped
from recurra.spec.attention import Attention

__all__ = ["NumpyAttention", "NumpyMixture", "NumpySpread"]


class _AbstractReader(AbstractStateless):
    """What the three share: one step as a sequence of one, and no place in a native program."""

    placed: ClassVar[bool] = False

    def step(
        self,
        x_t: Array,
        *inputs: Any,
        valid: Array | None,
        starts: Array | None,  # noqa: ARG002 - no step depends on another
    ) -> tuple[Array, Any]:
        """One step: x_t [B, size], what else is read as in a call."""
        y, state = self(
            x_t[:, None],
            *inputs,
            lengths=None,
            valid=None if valid is None else valid[:, None],
            starts=None,
        )
        return y[:, 0], state

    def place(self, program: Program, source: int) -> int:  # noqa: ARG002 - as every node's
        """Refused: a native program reads no memory; `Network.why_interpreted` says so."""
        raise SpecError(f"a native program has no {self.node.kind}: it reads no memory")


class NumpyAttention(_AbstractReader):
    """Queries [B, T, Q], keys [B, S, K], lengths [B] -> weights [B, T, S]."""

    node: Attention

    def __init__(self, node: Attention, weights: Mapping[str, Array], dtype: np.dtype[Any]) -> None:
        super().__init__(node, weights, dtype)
        self.packed = None
        if node.score != "dot":
            self.packed = linear.Packed(weights["weight"], weights.get("bias"))

    def __call__(  # type: ignore[override]  # it takes three inputs
        self,
        queries: Array,
        keys: Array,
        places: Array,
        state: Any,
        *,
        lengths: Array | None,
        valid: Array | None,
        starts: Array | None,  # noqa: ARG002 - no step depends on another
    ) -> tuple[Array, Any]:
        """Weigh every place at every step; zeros at steps that do not count."""
        batch, time, _ = queries.shape
        within = np.arange(keys.shape[1]) < places[:, None]
        # What stands beyond the lengths may be read here: each place's score is its own, and those
        # of such places are left out below.
        keys = np.ascontiguousarray(keys)
        counts = counted(queries, lengths, valid)
        queries = zero_skipped(queries, counts)
        if self.packed is not None:
            mapped = self.packed.forward(queries.reshape(batch * time, queries.shape[2]))
            queries = mapped.reshape(batch, time, mapped.shape[1])
        weights = np.zeros((batch, time, keys.shape[1]), self.dtype)
        # Step by step: all at once would need T times the memory's room.
        with np.errstate(invalid="ignore", over="ignore"):
            for t in range(time):
                weights[:, t] = self._weights(queries[:, t, None], keys, within)
        return zero_skipped(weights, counts), state

    def _weights(self, query: Array, keys: Array, within: Array) -> Array:
        """Softmax over the places that count: [B, 1, K] and [B, S, K] -> [B, S]."""
        if self.node.score == "additive":
            found = elementwise(np.tanh, query + keys) * self.weights["energy"]
        else:
            found = query * keys
        energies = np.where(within, found.sum(axis=2), -np.inf)
        highest = energies.max(axis=1, keepdims=True, initial=np.finfo(self.dtype).min)
        powers = elementwise(np.exp, energies - highest)
        sums = np.add.accumulate(powers, axis=1)[:, -1:]
        # A memory without any place: 0 / 1.
        shares: Array = powers / np.where(
            within.any(axis=1, keepdims=True), sums, sums.dtype.type(1)
        )
        return np.where(within, shares, shares.dtype.type(0))


class NumpyMixture(_AbstractReader):
    """Weights [B, T, S], memory [B, S, size], lengths [B] -> [B, T, size]."""

    def __call__(  # type: ignore[override]  # it takes three inputs
        self,
        weights: Array,
        memory: Array,
        places: Array,
        state: Any,
        *,
        lengths: Array | None,
        valid: Array | None,
        starts: Array | None,  # noqa: ARG002 - no step depends on another
    ) -> tuple[Array, Any]:
        """Mix the places as each step weighs them; zeros at steps that do not count."""
        shortest = int(places.min(initial=memory.shape[1]))
        weights = zero_skipped(weights, counted(weights, lengths, valid))
        mixed = np.zeros((*weights.shape[:2], memory.shape[2]), self.dtype)
        for s in range(memory.shape[1]):
            place = memory[:, s, None]
            if s >= shortest:
                # Nothing is read beyond a row's length: 0 * NaN is NaN.
                place = np.where((s < places)[:, None, None], place, place.dtype.type(0))
            mixed += weights[:, :, s, None] * place
        return mixed, state


class NumpySpread(_AbstractReader):
    """Steps [B, T, any] and a row [B, size] -> the row at every step that counts, else zeros."""

    def __call__(  # type: ignore[override]  # it takes two inputs
        self,
        x: Array,
        row: Array,
        state: Any,
        *,
        lengths: Array | None,
        valid: Array | None,
        starts: Array | None,  # noqa: ARG002 - no step depends on another
    ) -> tuple[Array, Any]:
        """Repeat the row over the steps of x."""
        spread = np.repeat(row[:, None], x.shape[1], axis=1)
        return zero_skipped(spread, counted(x, lengths, valid)), state
