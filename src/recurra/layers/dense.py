"""A linear map with an activation behind it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.errors import ShapeError
from recurra.layers.abstract import AbstractLayer
from recurra.layers.steps import check_steps, counted, one_step, zero_skipped
from recurra.ops.activations import activation as function_of
from recurra.spec.cells import Activation
from recurra.spec.dense import Dense as DenseNode
from recurra.spec.state import StatelessState

__all__ = ["Dense"]


class Dense(AbstractLayer):
    """y = a(W x + b) along the last axis: [B, T, I] -> [B, T, O], or a row [B, I] -> [B, O].

    At steps that are padding or not valid y is zero, and nothing of x is read, also no NaN.

    Args:
        input_size: I.
        output_size: O.
        activation: a.
        bias: Add b.
        device: Of the parameters.
        dtype: Of the parameters.

    Raises:
        SpecError: a size is no whole number >= 1, or there is no such activation.

    The weight begins as U(-a, a), a = sqrt(6 / (I + O)) (Glorot & Bengio 2010), the bias at zero.
    """

    node: DenseNode

    def __init__(
        self,
        input_size: int,
        output_size: int,
        *,
        activation: Activation = "tanh",
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            DenseNode(
                input_size=input_size, output_size=output_size, activation=activation, bias=bias
            )
        )
        self.weight = nn.Parameter(torch.empty(output_size, input_size, device=device, dtype=dtype))
        self.bias = (
            nn.Parameter(torch.empty(output_size, device=device, dtype=dtype)) if bias else None
        )
        self._function = function_of(activation)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        nn.init.xavier_uniform_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

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
        """Map every step of x [B, T, I], or the row x [B, I], which has no steps to leave out.

        Raises:
            ShapeError: x has other axes.
        """
        del state
        size = self.node.input_size
        if x.ndim not in (2, 3) or x.shape[-1] != size:
            raise ShapeError(
                f"Dense expected x [B, T, I={size}] or [B, I={size}], got {[*x.shape]}"
            )
        if x.ndim == 2:
            return self._function(functional.linear(x, self.weight, self.bias)), StatelessState()
        check_steps("Dense", *x.shape[:2], lengths=lengths, valid=valid, starts=starts)
        counts = counted(x, lengths, valid)
        y = self._function(functional.linear(zero_skipped(x, counts), self.weight, self.bias))
        return zero_skipped(y, counts), StatelessState()

    def step(
        self,
        x_t: Tensor,
        state: StatelessState | None = None,
        *,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, StatelessState]:
        """Map one step: x_t [B, I] -> [B, O], zero where not valid."""
        y, end = self(x_t.unsqueeze(1), state, valid=one_step(valid), starts=one_step(starts))
        return y.squeeze(1), end
