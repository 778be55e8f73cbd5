"""The GRU with decay: what was seen, how long ago, and a GRU whose h fades meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra.kernels import linear
from recurra.kernels.elementwise import faded
from recurra.kernels.stream import Program
from recurra.runtime.nodes.node import AbstractNumpyNode, Array, below, counted
from recurra.runtime.nodes.recurrent import NumpyRecurrent
from recurra.spec.cells import GRUCell
from recurra.spec.nodes import GRUD
from recurra.spec.state import GRUDState, GRUState

__all__ = ["NumpyGRUD"]


class NumpyGRUD(AbstractNumpyNode):
    """x, observed [B, T, C] and elapsed [B, T, 1] -> y [B, T, H]; the equations are `spec.nodes`'.

    Time is followed step by step and everything else is done value by value, so that a stream, a
    chunk and the whole sequence give the same bits.
    """

    node: GRUD

    def __init__(self, node: GRUD, weights: Mapping[str, Array], dtype: np.dtype[Any]) -> None:
        super().__init__(node, weights, dtype)
        assert isinstance(node.cell, GRUCell)
        self.cell = NumpyRecurrent(node.cell, below(weights, "cell."), dtype)
        self.decay = linear.Packed(weights["hidden_decay_weight"], weights["hidden_decay_bias"])

    def initial_state(self, batch: int) -> GRUDState[Array]:
        """The cell's own h; every feature at its mean, and no time since."""
        shape = (batch, self.node.features)
        mean = np.tile(self.weights["mean"], (batch, 1))
        return GRUDState(self.cell.initial_state(batch).h, mean, np.zeros(shape, self.dtype))

    def __call__(  # type: ignore[override]  # it takes three inputs
        self,
        x: Array,
        observed: Array,
        elapsed: Array,
        state: GRUDState[Array],
        *,
        lengths: Array | None,
        valid: Array | None,
        starts: Array | None,
    ) -> tuple[Array, GRUDState[Array]]:
        """The sequence or a chunk of it."""
        counts = counted(x, lengths, valid)
        begins = starts
        if starts is not None and lengths is not None:
            begins = starts & (np.arange(x.shape[1]) < lengths[:, None])
        last, since = state.last, state.since
        filled, fade = np.empty_like(x), np.empty((*x.shape[:2], state.h.shape[1]), self.dtype)
        seen = observed != 0 if counts is None else (observed != 0) & counts[:, :, None]
        for t in range(x.shape[1]):
            filled[:, t], fade[:, t], last, since = self._advance(
                x[:, t],
                seen[:, t],
                elapsed[:, t],
                last,
                since,
                None if counts is None else counts[:, t, None],
                None if begins is None else begins[:, t, None],
            )
        y, end = self.cell(
            np.concatenate([filled, seen.astype(self.dtype)], axis=2),
            GRUState(state.h),
            lengths=lengths,
            valid=valid,
            starts=starts,
            decay=fade,
        )
        return y, GRUDState(end.h, last, since)

    def step(  # type: ignore[override]  # it takes three inputs
        self,
        x_t: Array,
        observed_t: Array,
        elapsed_t: Array,
        state: GRUDState[Array],
        *,
        valid: Array | None,
        starts: Array | None,
    ) -> tuple[Array, GRUDState[Array]]:
        """One step."""
        run = None if valid is None else valid[:, None]
        seen = observed_t != 0 if run is None else (observed_t != 0) & run
        begins = None if starts is None else starts[:, None]
        filled, fade, last, since = self._advance(
            x_t, seen, elapsed_t, state.last, state.since, run, begins
        )
        y, end = self.cell.step(
            np.concatenate([filled, seen.astype(self.dtype)], axis=1),
            GRUState(state.h),
            valid=valid,
            starts=starts,
            decay=fade,
        )
        return y, GRUDState(end.h, last, since)

    def place(  # type: ignore[override]  # it takes three inputs
        self, program: Program, x: int, observed: int, elapsed: int
    ) -> int:
        """Its cell, with what is ahead of it."""
        names = ("mean", "input_decay_weight", "input_decay_bias")
        return program.grud(
            self.cell.packed,
            self.decay,
            [self.weights[name] for name in names],
            (x, observed, elapsed),
            **self.cell.placed_shares(),
        )

    def _advance(
        self,
        x_t: Array,
        seen: Array,
        elapsed_t: Array,
        last: Array,
        since: Array,
        run: Array | None,
        begins: Array | None,
    ) -> tuple[Array, Array, Array, Array]:
        """What the GRU reads and what its h fades by; the new `last` and `since`."""
        zero, one = self.dtype.type(0), self.dtype.type(1)
        mean = self.weights["mean"]
        if begins is not None:
            last, since = np.where(begins, mean, last), np.where(begins, zero, since)
        if run is not None:
            elapsed_t = np.where(run, elapsed_t, zero)
        ago = elapsed_t + since
        keep = faded(ago * self.weights["input_decay_weight"] + self.weights["input_decay_bias"])
        filled = np.where(seen, x_t, keep * last + (one - keep) * mean)
        passed = ago if run is None else np.where(run, ago, since)
        return (
            filled,
            faded(self.decay.forward(ago)),
            np.where(seen, x_t, last),
            np.where(seen, zero, passed),
        )
