"""GRU, LSTM, RNN and minGRU on their kernels."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from recurra.kernels import gru, lstm, rnn, scan
from recurra.kernels.stream import Program
from recurra.runtime.nodes.node import AbstractNumpyNode, Array
from recurra.spec.cells import AbstractCell, GRUCell, LSTMCell, MinGRUCell, RNNCell
from recurra.spec.state import GRUState, LSTMState, MinGRUState, RNNState

__all__ = ["NumpyRecurrent"]

_FAMILIES: Mapping[type[AbstractCell], tuple[ModuleType, Any]] = {
    GRUCell: (gru, GRUState),
    LSTMCell: (lstm, LSTMState),
    RNNCell: (rnn, RNNState),
    MinGRUCell: (scan, MinGRUState),
}


class NumpyRecurrent(AbstractNumpyNode):
    """One cell, one direction: x [B, T, I] -> y [B, T, H], y_t = h_t."""

    node: AbstractCell

    def __init__(
        self, node: AbstractCell, weights: Mapping[str, Array], dtype: np.dtype[Any]
    ) -> None:
        super().__init__(node, weights, dtype)
        kernel, self.state_type = _FAMILIES[type(node)]
        choices: dict[str, Any] = {"activation": node.activation}
        if isinstance(node, GRUCell):
            choices["reset"] = node.reset
        if not isinstance(node, RNNCell):
            choices["gate_activation"] = node.gate_activation
        given = {n: w for n, w in weights.items() if n.endswith(("_weight", "_bias"))}
        self.packed = kernel.Packed(**given, **choices)
        self.first = {
            f"start_{slot}": weights[f"initial_{slot}"]
            for slot in node.state_fields
            if node.learn_initial_state
        }
        rates = {"zoneout_h": node.zoneout, "zoneout_c": getattr(node, "zoneout_cell", 0.0)}
        # At inference zoneout is its expectation: each unit takes this share of the new value.
        self.shares = {name: dtype.type(1.0 - rate) for name, rate in rates.items() if rate}

    def initial_state(self, batch: int) -> Any:
        """Zero or learnt, each slot [B, H]."""
        shape = (batch, self.node.hidden_size)
        slots = [
            np.zeros(shape, self.dtype) if first is None else np.tile(first, (batch, 1))
            for first in (self.first.get(f"start_{slot}") for slot in self.node.state_fields)
        ]
        return self.state_type(*slots)

    def __call__(
        self,
        x: Array,
        state: Any,
        *,
        lengths: Array | None,
        valid: Array | None,
        starts: Array | None,
        reverse: bool = False,
        decay: Array | None = None,
    ) -> tuple[Array, Any]:
        """The kernel over a chunk of time.

        `reverse` reads each row from its last step; `decay` [B, T, H] multiplies a GRU's h.
        """
        y, *rest = self.packed.forward(
            x,
            *state,
            lengths=lengths,
            valid=valid,
            starts=starts,
            reverse=reverse,
            **self._options(x.shape[:2], starts, decay),
        )
        # The last of the rest is what a backward pass would need: nothing was kept.
        return y, self.state_type(*rest[:-1])

    def step(
        self,
        x_t: Array,
        state: Any,
        *,
        valid: Array | None,
        starts: Array | None,
        decay: Array | None = None,
    ) -> tuple[Array, Any]:
        """The kernel's single step."""
        new = self.packed.step(
            x_t,
            *state,
            valid=valid,
            starts=starts,
            **self._options(x_t.shape[:1], starts, decay),
        )
        state = self.state_type(*new) if isinstance(new, tuple) else self.state_type(new)
        return state[0], state

    def place(self, program: Program, source: int, *, residual: bool = False) -> int:
        """Its packed weights; with `residual` what it reads is added to what it puts out."""
        return program.layer(self.packed, source, residual=residual, **self.placed_shares())

    def placed_shares(self) -> dict[str, float]:
        """The shares of new values by the names of a program's stage."""
        return {name.replace("zoneout", "share"): float(s) for name, s in self.shares.items()}

    def _options(
        self, axes: tuple[int, ...], starts: Array | None, decay: Array | None
    ) -> dict[str, Any]:
        options: dict[str, Any] = {} if decay is None else {"decay": decay}
        if not self.shares and starts is None:
            return options
        hidden = (self.node.hidden_size,)
        if starts is not None:
            rows = (*axes[:1], *hidden)
            options |= {name: np.broadcast_to(first, rows) for name, first in self.first.items()}
        shape = (*axes, *hidden)
        return options | {
            name: np.broadcast_to(share, shape) for name, share in self.shares.items()
        }
