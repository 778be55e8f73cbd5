"""Steps -> one row: the newest step, the mean of the steps, their maximum.

Sums run in the order of time and in float64, so that a stream, a chunk and the whole sequence
give the same bits, and a stream of many millions of steps keeps its mean.
"""

from __future__ import annotations

import numpy as np

from recurra.kernels.stream import Program
from recurra.runtime.nodes.node import AbstractNumpyNode, Array, counted
from recurra.spec.nodes import POOLS, Pool
from recurra.spec.state import PoolState, map_arrays

__all__ = ["NumpyPool"]


class NumpyPool(AbstractNumpyNode):
    """Steps [B, T, size] -> [B, size * modes], over the steps that count since the last start.

    The state's `seen` and `mean` (the sum) are float64, `last` and `max` have the model's dtype.
    """

    node: Pool

    def initial_state(self, batch: int) -> PoolState[Array]:
        """Nothing seen: zeros."""
        shape, modes = (batch, self.node.size), self.node.modes
        return PoolState(
            seen=np.zeros((batch, 1)),
            last=np.zeros(shape, self.dtype) if "last" in modes else None,
            mean=np.zeros(shape) if "mean" in modes else None,
            max=np.zeros(shape, self.dtype) if "max" in modes else None,
        )

    def __call__(
        self,
        x: Array,
        state: PoolState[Array],
        *,
        lengths: Array | None,
        valid: Array | None,
        starts: Array | None,
    ) -> tuple[Array, PoolState[Array]]:
        """The row after the last step."""
        time = x.shape[1]
        counts = counted(x, lengths, valid)
        if starts is not None and lengths is not None:
            starts = starts & (np.arange(time) < lengths[:, None])
        for t in range(time):
            state = _advance(
                state,
                x[:, t],
                None if counts is None else counts[:, t, None],
                None if starts is None else starts[:, t, None],
            )
        return self._row(state), state

    def step(
        self,
        x_t: Array,
        state: PoolState[Array],
        *,
        valid: Array | None,
        starts: Array | None,
    ) -> tuple[Array, PoolState[Array]]:
        """The row after this step."""
        state = _advance(
            state,
            x_t,
            None if valid is None else valid[:, None],
            None if starts is None else starts[:, None],
        )
        return self._row(state), state

    def place(self, program: Program, source: int) -> int:
        """Its modes."""
        return program.pool(source, self.node.modes)

    def _row(self, state: PoolState[Array]) -> Array:
        parts: dict[str, Array | None] = {"last": state.last, "max": state.max}
        if state.mean is not None:
            # No step yet: 0 / 1.
            mean = state.mean / np.maximum(state.seen, 1.0)
            parts["mean"] = mean.astype(self.dtype)
        chosen = [parts.get(mode) for mode in POOLS]
        return np.concatenate([part for part in chosen if part is not None], axis=1)


def _advance(
    state: PoolState[Array], x_t: Array, run: Array | None, begins: Array | None
) -> PoolState[Array]:
    """One step; `run` and `begins` are [B, 1] bool or None: every row runs, none begins anew."""
    if begins is not None:
        state = map_arrays(lambda slot: np.where(begins, slot.dtype.type(0), slot), state)
    if run is not None:
        x_t = np.where(run, x_t, x_t.dtype.type(0))
    seen, last, total, most = state
    stepped = PoolState(
        seen=seen + 1.0,
        last=None if last is None else x_t,
        mean=None if total is None else total + x_t,
        # Not np.maximum: which of -0 and +0 it takes may depend on where in the array they stand.
        # A NaN that was taken stays, for nothing is larger.
        max=None
        if most is None
        else np.where((seen == 0) | (x_t > most) | np.isnan(x_t), x_t, most),
    )
    if run is None:
        return stepped
    taken: PoolState[Array] = map_arrays(lambda new, held: np.where(run, new, held), stepped, state)
    return taken
