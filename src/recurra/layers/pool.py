"""Steps become one row."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recurra.errors import ShapeError
from recurra.layers.abstract import AbstractLayer, as_state
from recurra.layers.steps import check_steps, counted, one_step
from recurra.spec.nodes import POOLS
from recurra.spec.nodes import Pool as PoolNode
from recurra.spec.state import PoolState, map_arrays

__all__ = ["Pool"]


class Pool(AbstractLayer):
    """Steps [B, T, size] -> one row [B, size * len(modes)] over the steps so far that count.

    last: the newest step; mean: the steps' sum over their number; max: their maximum. No step
    yet: zeros. A start forgets the steps before it.

    Args:
        size: Width of a step.
        modes: Among "last", "mean" and "max"; the row holds them in that order.
        device: Of the initial state.
        dtype: Of the initial state.

    Raises:
        SpecError: a mode is unknown or doubled, or there is none.
    """

    node: PoolNode

    def __init__(
        self,
        size: int,
        modes: Sequence[str] = ("last",),
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(PoolNode(size=size, modes=tuple(modes)))
        # Moves with the module, so that the initial state is where and what the weights are.
        zero = torch.zeros((), device=device, dtype=dtype)
        self.register_buffer("_zero", zero, persistent=False)

    def initial_state(self, batch: int) -> PoolState[Tensor]:
        """Nothing seen, for `batch` rows."""
        return _nothing(self.node, self._zero, batch)

    def forward(
        self,
        x: Tensor,
        state: PoolState[Tensor] | None = None,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, PoolState[Tensor]]:
        """Pool the steps of x and those that `state` has seen.

        Args:
            x: [B, T, size].
            state: What the steps before this chunk came to; None: there were none.
            lengths: Steps of each row that count, [B], int64. None: all T.
            valid: False leaves a step out, [B, T], bool.
            starts: True forgets what came before that step, [B, T], bool.

        Returns:
            The row after the last step, [B, size * len(modes)]; what the steps have come to.
        """
        node = self.node
        if x.ndim != 3 or x.shape[2] != node.size:
            raise ShapeError(f"Pool expected x [B, T, {node.size}], got {[*x.shape]}")
        check_steps("Pool", *x.shape[:2], lengths=lengths, valid=valid, starts=starts)
        before = _nothing(node, x, len(x)) if state is None else self._check(x, state)
        counts = counted(x, lengths, valid)
        if starts is not None:
            before, counts = _restart(before, starts, lengths, counts)
        end = _take(x, before, counts)
        return _row(end), end

    def step(
        self,
        x_t: Tensor,
        state: PoolState[Tensor] | None,
        *,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, PoolState[Tensor]]:
        """Take one step: x_t [B, size] -> the row of the steps so far."""
        return self.forward(x_t.unsqueeze(1), state, valid=one_step(valid), starts=one_step(starts))

    def _check(self, x: Tensor, state: PoolState[Tensor]) -> PoolState[Tensor]:
        slots: PoolState[Tensor] = as_state("Pool", state, PoolState)
        expected = {name: (len(x), *shape) for name, shape in self.node.state_slots().items()}
        came = {
            name: tuple(slot.shape) for name, slot in slots._asdict().items() if slot is not None
        }
        if came != expected:
            raise ShapeError(f"Pool expected a state of {expected}, got {came}")
        return slots


def _nothing(node: PoolNode, like: Tensor, batch: int) -> PoolState[Tensor]:
    rows = {mode: like.new_zeros(batch, node.size) for mode in POOLS if mode in node.modes}
    return PoolState(like.new_zeros(batch, 1), rows.get("last"), rows.get("mean"), rows.get("max"))


def _restart(
    before: PoolState[Tensor], starts: Tensor, lengths: Tensor | None, counts: Tensor | None
) -> tuple[PoolState[Tensor], Tensor]:
    """Leave out every step before a row's last start, and where there is one, what was before."""
    within = counted(starts, lengths, None)
    starts = starts if within is None else starts & within
    later = starts.flip(1).cumsum(1).flip(1) - starts.long()
    counts = later == 0 if counts is None else counts & (later == 0)
    restarted = starts.any(1, keepdim=True)
    after: PoolState[Tensor] = map_arrays(lambda slot: torch.where(restarted, 0.0, slot), before)
    return after, counts


def _take(x: Tensor, before: PoolState[Tensor], counts: Tensor | None) -> PoolState[Tensor]:
    """What `before` and the steps of x that count come to."""
    batch, time, _ = x.shape
    if counts is None:
        counts = torch.ones((batch, time), dtype=torch.bool, device=x.device)
    last = total = highest = None
    if before.last is not None:
        # Position 0 is the state's, so the newest step of none is the state's.
        order = torch.arange(1, time + 1, device=x.device)
        newest = torch.cat((order.new_zeros(batch, 1), order * counts), 1).amax(1)
        steps = torch.cat((before.last[:, None], x), 1)
        last = steps[torch.arange(batch, device=x.device), newest]
    if before.mean is not None:
        total = before.mean + torch.where(counts[:, :, None], x, 0.0).sum(1)
    if before.max is not None:
        seen_before = torch.where(before.seen > 0, before.max, -torch.inf)
        steps = torch.where(counts[:, :, None], x, -torch.inf)
        highest = torch.cat((seen_before[:, None], steps), 1).amax(1)
    seen = before.seen + counts.sum(1, keepdim=True).to(before.seen.dtype)
    if highest is not None:
        highest = torch.where(seen > 0, highest, 0.0)
    return PoolState(seen, last, total, highest)


def _row(state: PoolState[Tensor]) -> Tensor:
    mean = None if state.mean is None else state.mean / state.seen.clamp(min=1)
    return torch.cat([part for part in (state.last, mean, state.max) if part is not None], 1)
