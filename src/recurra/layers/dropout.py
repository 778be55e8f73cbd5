"""Dropout, plain or one draw a sequence."""

from __future__ import annotations

from torch import Tensor

from recurra.layers.abstract import AbstractLayer
from recurra.layers.draw import kept
from recurra.spec.nodes import Dropout as DropoutNode
from recurra.spec.state import StatelessState

__all__ = ["Dropout", "drop"]


def drop(x: Tensor, rate: float, variational: bool, training: bool) -> Tensor:
    """Zero values of x with probability `rate` and scale the others by 1 / (1 - rate).

    Args:
        x: [B, T, I], or [B, I].
        rate: In [0, 1); at 0, and outside training, x comes back as it is.
        variational: One draw for all T steps of a call.
        training: Whether to drop at all.
    """
    if not training or rate == 0:
        return x
    shape = (x.shape[0], 1, x.shape[2]) if variational and x.ndim == 3 else x.shape
    return x * (kept(shape, rate, x) / (1 - rate))


class Dropout(AbstractLayer):
    """Dropout in training, the identity at inference: x [B, T, I] or [B, I] -> the same axes.

    Args:
        rate: Probability of dropping a value.
        variational: One draw a sequence (a call) instead of one a step (Gal & Ghahramani 2016).

    Raises:
        SpecError: the rate is not in [0, 1).
    """

    node: DropoutNode

    def __init__(self, rate: float, *, variational: bool = False) -> None:
        super().__init__(DropoutNode(rate=rate, variational=variational))

    def initial_state(self, batch: int) -> StatelessState:
        """Nothing to remember."""
        del batch
        return StatelessState()

    def forward(
        self,
        x: Tensor,
        state: StatelessState | None = None,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, StatelessState]:
        """Drop values; which steps count makes no difference."""
        del state, lengths, valid, starts
        return drop(x, self.node.rate, self.node.variational, self.training), StatelessState()

    def step(
        self,
        x_t: Tensor,
        state: StatelessState | None = None,
        *,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, StatelessState]:
        """The same for one step, x_t [B, I]."""
        return self.forward(x_t, state, valid=valid, starts=starts)
