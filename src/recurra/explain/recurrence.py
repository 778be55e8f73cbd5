"""One call of a recurrent layer, replayed step by step: its states, and gradients through a step.

    S_{t+1} = step(x_t, S_t),      (dS_{t+1} / dS_t)^T u      for any number of rows u at once

The fast kernels run a whole sequence and keep no gradient of the states in between; here each step
is a call of its own, of the same layer on the same backend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from recurra.errors import SpecError
from recurra.layers import GRUD
from recurra.layers.abstract import AbstractRecurrent

__all__ = ["Recurrence", "RecurrentLayer"]

RecurrentLayer = AbstractRecurrent | GRUD


class Recurrence:
    """The states of one call, and how a gradient crosses its steps.

    The layer is copied in evaluation mode: dropout is off, zoneout its expectation.

    Args:
        layer: A GRU, LSTM, RNN, MinGRU or GRUD.
        inputs: What it reads, each [B, T, ...]: x; of a GRUD x, observed and elapsed.
        state: Where to begin; None: the layer's own initial state.
        lengths: Steps of each row that count, [B], int64. None: all T.
        valid: False holds the state, [B, T], bool.
        starts: True begins from the initial state at that step, [B, T], bool.
        reverse: Read each row from its last step to its first.
        dtype: In which everything is computed; None: that of the layer.

    Raises:
        SpecError: the layer is of another kind.
    """

    def __init__(
        self,
        layer: RecurrentLayer,
        inputs: Sequence[Tensor],
        state: Any = None,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
        reverse: bool = False,
        dtype: torch.dtype | None = None,
    ) -> None:
        if not isinstance(layer, RecurrentLayer):
            raise SpecError(
                "expected a GRU, LSTM, RNN, MinGRU or GRUD, whose state is its own, got "
                f"{type(layer).__name__}: take flows(module, ...) for what holds several"
            )
        self.layer = deepcopy(layer).eval().requires_grad_(False)
        if dtype is not None:
            self.layer.to(dtype)
        self.dtype = dtype or next(layer.parameters()).dtype
        self.batch, self.time = inputs[0].shape[:2]
        self.within = _within(inputs[0], lengths)
        counts = self.within if valid is None else self.within & valid
        begins = None if starts is None else starts & self.within
        if reverse and begins is not None:
            # A backward direction begins where a segment ends: one step before the next one.
            begins = torch.cat((begins[:, 1:], torch.zeros_like(begins[:, :1])), 1)
        self.order = range(self.time - 1, -1, -1) if reverse else range(self.time)
        self._inputs = [self._real(array.detach()) for array in inputs]
        self._counts, self._begins = counts, begins
        self.states = self._replay(state)

    @property
    def fields(self) -> tuple[str, ...]:
        """The slots through which a gradient flows: h, and the c of an LSTM."""
        return tuple(name for name in ("h", "c") if name in self.layer.initial_state(1)._fields)

    def pull(self, k: int, cotangents: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Gradients for the state before the k-th step read from those for the state after it.

        Args:
            k: Among `order`.
            cotangents: By field, [B, R, H], R rows for each case.

        Returns:
            By field, [B, R, H].
        """
        rows = next(iter(cotangents.values())).shape[1]
        before = type(self.states[k])(*(a.repeat_interleave(rows, 0) for a in self.states[k]))
        entering = {name: getattr(before, name).requires_grad_() for name in self.fields}
        with torch.enable_grad():
            after = self._step(k, before._replace(**entering), rows)
        # Where a segment begins nothing of the state before it is read.
        found = torch.autograd.grad(
            [getattr(after, name) for name in self.fields],
            list(entering.values()),
            [cotangents[name].flatten(0, 1) for name in self.fields],
            allow_unused=True,
            materialize_grads=True,
        )
        split = (array.reshape(self.batch, rows, -1) for array in found)
        return dict(zip(self.fields, split, strict=True))

    @torch.no_grad()
    def _replay(self, state: Any) -> list[Any]:
        begin = self.layer.initial_state(self.batch) if state is None else state
        found = [type(begin)(*(self._real(slot.detach()).clone() for slot in begin))]
        for k in range(self.time):
            found.append(self._step(k, found[-1], 1))
        return found

    def _step(self, k: int, state: Any, rows: int) -> Any:
        t = self.order[k]
        x_t = [array[:, t].repeat_interleave(rows, 0) for array in self._inputs]
        # A GRUD takes three inputs, which its base does not know.
        step: Callable[..., tuple[Tensor, Any]] = self.layer.step
        _, after = step(
            *x_t,
            state,
            valid=self._counts[:, t].repeat_interleave(rows),
            starts=None if self._begins is None else self._begins[:, t].repeat_interleave(rows),
        )
        return after

    def _real(self, array: Tensor) -> Tensor:
        return array.to(self.dtype) if array.is_floating_point() else array


def _within(x: Tensor, lengths: Tensor | None) -> Tensor:
    """True at the steps of each row's length, [B, T]."""
    if lengths is None:
        return torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
    return torch.arange(x.shape[1], device=x.device) < lengths[:, None]
