"""Tokens become vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.errors import DTypeError, ShapeError
from recurra.layers.abstract import AbstractLayer
from recurra.layers.steps import check_steps, counted, one_step, zero_skipped
from recurra.spec.nodes import Embedding as EmbeddingNode
from recurra.spec.state import StatelessState

__all__ = ["Embedding"]


class Embedding(AbstractLayer):
    """Tokens [B, T] -> rows of `weight`, [B, T, size].

    At steps that are padding or not valid the vector is zero, and the token there may be any
    number.

    Args:
        tokens: Number of different tokens.
        size: Width of a vector.
        device: Of the weight.
        dtype: Of the weight.

    Raises:
        SpecError: a size is no whole number >= 1.

    The weight begins as N(0, 1 / size), so that a vector's expected length is 1.
    """

    node: EmbeddingNode

    def __init__(
        self,
        tokens: int,
        size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(EmbeddingNode(tokens=tokens, size=size))
        self.weight = nn.Parameter(torch.empty(tokens, size, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weight anew."""
        nn.init.normal_(self.weight, std=self.node.size**-0.5)

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
        """Look up every token of x [B, T], int64.

        Raises:
            ShapeError: x has other axes, or a token that counts is not in [0, tokens) (looked at
                on the CPU only: elsewhere the device would have to be waited for).
            DTypeError: x is not int64.
        """
        del state
        if x.ndim != 2:
            raise ShapeError(f"Embedding expected tokens [B, T], got {[*x.shape]}")
        if x.dtype != torch.int64:
            raise DTypeError(f"Embedding expected tokens in int64, got {x.dtype}; convert them")
        check_steps("Embedding", *x.shape, lengths=lengths, valid=valid, starts=starts)
        counts = counted(x, lengths, valid)
        if counts is not None:
            x = torch.where(counts, x, 0)
        if x.device.type == "cpu" and not torch.compiler.is_compiling():
            self._check_range(x)
        return zero_skipped(functional.embedding(x, self.weight), counts), StatelessState()

    def step(
        self,
        x_t: Tensor,
        state: StatelessState | None = None,
        *,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, StatelessState]:
        """Look up one token a row: x_t [B] -> [B, size], zero where not valid."""
        y, end = self(x_t.unsqueeze(1), state, valid=one_step(valid), starts=one_step(starts))
        return y.squeeze(1), end

    def _check_range(self, x: Tensor) -> None:
        if x.numel() == 0:
            return
        low, high = (int(bound) for bound in torch.aminmax(x))
        if low < 0 or high >= self.node.tokens:
            raise ShapeError(
                f"Embedding expected tokens in [0, {self.node.tokens}), got {low} to {high}: "
                "give unknown symbols a token of their own"
            )
