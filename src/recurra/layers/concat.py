"""Two signals side by side."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.errors import ShapeError
from recurra.layers.abstract import AbstractLayer
from recurra.layers.steps import check_steps, counted, one_step, zero_skipped
from recurra.spec.concat import Concat as ConcatNode
from recurra.spec.state import StatelessState

__all__ = ["Concat"]


class Concat(AbstractLayer):
    """Steps [B, T, left] and [B, T, right] -> [B, T, left + right]; zero where a step is skipped.

    Args:
        left: Width of the first.
        right: Width of the second.

    Raises:
        SpecError: a width is no whole number >= 1.
    """

    node: ConcatNode

    def __init__(self, left: int, right: int) -> None:
        super().__init__(ConcatNode(left=left, right=right))

    def initial_state(self, batch: int) -> StatelessState:
        """Nothing to remember."""
        del batch
        return StatelessState()

    def forward(  # type: ignore[override]  # nodes of two inputs take two
        self,
        x: Tensor,
        right: Tensor,
        state: StatelessState | None = None,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, StatelessState]:
        """Put `right` behind x, step by step.

        Raises:
            ShapeError: an axis differs.
        """
        del state
        node = self.node
        if x.ndim != 3 or x.shape[2] != node.left or right.shape != (*x.shape[:2], node.right):
            raise ShapeError(
                f"Concat expected [B, T, {node.left}] and [B, T, {node.right}], got {[*x.shape]} "
                f"and {[*right.shape]}"
            )
        check_steps("Concat", *x.shape[:2], lengths=lengths, valid=valid, starts=starts)
        both = torch.cat((x, right), 2)
        return zero_skipped(both, counted(x, lengths, valid)), StatelessState()

    def step(
        self,
        x_t: Tensor,
        right_t: Tensor,
        state: Any = None,
        *,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, StatelessState]:
        """One step: x_t [B, left], right_t [B, right] -> [B, left + right]."""
        y, end = self(
            x_t.unsqueeze(1),
            right_t.unsqueeze(1),
            state,
            valid=one_step(valid),
            starts=one_step(starts),
        )
        return y.squeeze(1), end
