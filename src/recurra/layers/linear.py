"""A linear map along the last axis."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.errors import ShapeError
from recurra.layers.abstract import AbstractLayer
from recurra.layers.steps import check_steps, counted, one_step, zero_skipped
from recurra.spec.nodes import Linear as LinearNode
from recurra.spec.state import StatelessState

__all__ = ["Linear"]


class Linear(AbstractLayer):
    """y = W x + b along the last axis: [B, T, I] -> [B, T, O], or a row [B, I] -> [B, O].

    At steps that are padding or not valid y is zero, and nothing of x is read, also no NaN.

    Args:
        input_size: I.
        output_size: O.
        bias: Add b.
        device: Of the parameters.
        dtype: Of the parameters.

    Raises:
        SpecError: a size is no whole number >= 1.

    The weight begins as U(-a, a), a = sqrt(6 / (I + O)) (Glorot & Bengio 2010), the bias at zero.
    """

    node: LinearNode

    def __init__(
        self,
        input_size: int,
        output_size: int,
        *,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(LinearNode(input_size=input_size, output_size=output_size, bias=bias))
        self.weight = nn.Parameter(torch.empty(output_size, input_size, device=device, dtype=dtype))
        self.bias = (
            nn.Parameter(torch.empty(output_size, device=device, dtype=dtype)) if bias else None
        )
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
            ShapeError: x has other axes, or a row comes with lengths, valid or starts.
        """
        del state
        node = self.node
        if x.ndim not in (2, 3) or x.shape[-1] != node.input_size:
            raise ShapeError(
                f"Linear expected x [B, T, I={node.input_size}] or [B, I={node.input_size}], "
                f"got {[*x.shape]}"
            )
        if x.ndim == 2:
            if not (lengths is None and valid is None and starts is None):
                raise ShapeError("Linear on a row [B, I] takes no lengths, valid or starts")
            return functional.linear(x, self.weight, self.bias), StatelessState()
        check_steps("Linear", *x.shape[:2], lengths=lengths, valid=valid, starts=starts)
        counts = counted(x, lengths, valid)
        y = functional.linear(zero_skipped(x, counts), self.weight, self.bias)
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
