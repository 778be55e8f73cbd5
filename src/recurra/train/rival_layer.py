"""What a network of another kind shares with a recurrent layer: the call, and the steps it reads.

Such a layer reads a window of steps at once and has no state of its own. Where training carries a
state from window to window it carries the last steps it has read, so that the first steps of a
window are judged with what came before them, as a recurrent network's are.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.errors import SpecError
from recurra.layers.abstract import AbstractLayer
from recurra.spec.node import AbstractNode

__all__ = ["AbstractRival", "RivalState"]


class RivalState(NamedTuple):
    """The steps that were read last: read [B, K, I], known [B, K], false where there were none."""

    read: Tensor
    known: Tensor


class AbstractRival(AbstractLayer):
    """The base: x [B, T, I] -> y [B, T, W], no step of one sequence reading another's.

    Args:
        node: The node whose place is taken.
        input_size: I.
        context: K, steps that are read again ahead of the next window; 0: windows stand alone.
    """

    def __init__(self, node: AbstractNode, input_size: int, context: int) -> None:
        super().__init__(node)
        self.input_size, self.context = input_size, context

    @abstractmethod
    def read(self, x: Tensor, sequence: Tensor) -> Tensor:
        """Outputs [B, T, W] of x [B, T, I].

        Args:
            x: Inputs, 0 where there is no step.
            sequence: Which of a row's sequences a step is of, [B, T] int64; -1: of none. A step
                reads steps of its own sequence alone.
        """

    def why_not_streaming(self) -> str:
        """It has no step."""
        return f"{type(self).__name__} reads a window of steps at once"

    def initial_state(self, batch: int) -> RivalState:
        """Nothing read yet."""
        like = next(self.parameters())
        return RivalState(
            like.new_zeros(batch, self.context, self.input_size),
            torch.zeros(batch, self.context, dtype=torch.bool, device=like.device),
        )

    def forward(
        self,
        x: Tensor,
        state: Any = None,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, RivalState]:
        """As a recurrent layer's; `state` holds the steps ahead of x.

        Raises:
            SpecError: `valid` is given: a step that is skipped has no place in a window.
        """
        if valid is not None:
            raise SpecError(f"{type(self).__name__} reads whole windows: no step can be skipped")
        batch, time = x.shape[:2]
        before = self.initial_state(batch) if state is None else RivalState(*state)
        clock = torch.arange(time, device=x.device)
        if lengths is None:
            lengths = torch.full((batch,), time, device=x.device)
        there = clock < lengths[:, None]
        sequence = torch.zeros(batch, time, dtype=torch.int64, device=x.device)
        if starts is not None:
            sequence = starts.cumsum(1)
        sequence = torch.where(there, sequence, -1)
        sequence = torch.cat((torch.where(before.known, 0, -1), sequence), 1)
        whole = torch.cat((before.read, x), 1)
        whole = torch.where((sequence >= 0)[:, :, None], whole, 0.0)
        y = self.read(whole, sequence)[:, self.context :]
        y = torch.where(there[:, :, None], y, 0.0)
        # The last steps of each row, wherever it ends; what is not of its newest sequence can be
        # read by no later step.
        kept = lengths[:, None] + torch.arange(self.context, device=x.device)
        newest = sequence.amax(1, keepdim=True).clamp(min=0)
        known = sequence.gather(1, kept) == newest
        read = whole.gather(1, kept[:, :, None].expand(-1, -1, self.input_size))
        return y, RivalState(read, known)
