"""A causal convolution along time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.errors import ShapeError
from recurra.layers.abstract import AbstractLayer, as_state
from recurra.layers.steps import check_steps, counted, one_step, zero_skipped
from recurra.ops.activations import activation as function_of
from recurra.spec.cells import Activation
from recurra.spec.convolution import Convolution as ConvolutionNode
from recurra.spec.state import ConvolutionState

__all__ = ["Convolution"]


class Convolution(AbstractLayer):
    """y_t = a(b + W [x_{t-width+1}, ..., x_t]) over the steps that count, [B, T, I] -> [B, T, O].

    Args:
        input_size: I.
        output_size: O.
        width: Steps of a window.
        activation: a.
        bias: Add b.
        device: Of the parameters.
        dtype: Of the parameters.

    Raises:
        SpecError: a size is no whole number >= 1, or there is no such activation.

    The weight begins as U(-a, a), a = sqrt(6 / (width * I + O)) (Glorot & Bengio 2010), the bias
    at zero.
    """

    node: ConvolutionNode

    def __init__(
        self,
        input_size: int,
        output_size: int,
        *,
        width: int = 3,
        activation: Activation = "relu",
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            ConvolutionNode(
                input_size=input_size,
                output_size=output_size,
                width=width,
                activation=activation,
                bias=bias,
            )
        )
        weight = torch.empty(output_size, width * input_size, device=device, dtype=dtype)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(weight.new_empty(output_size)) if bias else None
        self._function = function_of(activation)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        nn.init.xavier_uniform_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def initial_state(self, batch: int) -> ConvolutionState[Tensor]:
        """Zeros before the first step."""
        node = self.node
        return ConvolutionState(self.weight.new_zeros(batch, node.width - 1, node.input_size))

    def forward(
        self,
        x: Tensor,
        state: ConvolutionState[Tensor] | None = None,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, ConvolutionState[Tensor]]:
        """Run over x [B, T, I]; nothing is read at steps that do not count, also no NaN.

        Raises:
            ShapeError: x or the state has other axes.
        """
        node = self.node
        if x.ndim != 3 or x.shape[2] != node.input_size:
            raise ShapeError(
                f"Convolution expected x [B, T, I={node.input_size}], got {[*x.shape]}"
            )
        check_steps("Convolution", *x.shape[:2], lengths=lengths, valid=valid, starts=starts)
        slots = self.initial_state(len(x)) if state is None else self._checked(x, state)
        counts = counted(x, lengths, valid)
        flowing = torch.cat((slots.recent.to(x.dtype), zero_skipped(x, counts)), 1)
        if counts is None and starts is None:
            windows = flowing.unfold(1, node.width, 1).transpose(2, 3)
            recent = flowing[:, flowing.shape[1] - node.width + 1 :]
        else:
            windows, recent = _windows(flowing, x.shape[1], node.width, counts, starts, lengths)
        rows = windows.reshape(*windows.shape[:2], node.width * node.input_size)
        y = self._function(functional.linear(rows, self.weight, self.bias))
        return zero_skipped(y, counts), ConvolutionState(recent)

    def step(
        self,
        x_t: Tensor,
        state: ConvolutionState[Tensor] | None,
        *,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, ConvolutionState[Tensor]]:
        """Run one step: x_t [B, I] -> [B, O], zero where not valid."""
        y, end = self(x_t.unsqueeze(1), state, valid=one_step(valid), starts=one_step(starts))
        return y.squeeze(1), end

    def _checked(self, x: Tensor, state: ConvolutionState[Tensor]) -> ConvolutionState[Tensor]:
        slots: ConvolutionState[Tensor] = as_state("Convolution", state, ConvolutionState)
        wanted = (len(x), self.node.width - 1, self.node.input_size)
        if tuple(slots.recent.shape) != wanted:
            raise ShapeError(
                f"Convolution expected recent {list(wanted)}, got {[*slots.recent.shape]}"
            )
        return slots


def _windows(
    flowing: Tensor,
    time: int,
    width: int,
    counts: Tensor | None,
    starts: Tensor | None,
    lengths: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """The window of every step and of what comes after the last, where steps are left out.

    Args:
        flowing: The state's steps, then the chunk's, [B, width - 1 + T, I].
    """
    batch = len(flowing)
    if counts is None:
        counts = flowing.new_ones((batch, time), dtype=torch.bool)
    rank = counts.long().cumsum(1)
    # The place in `flowing` of the r-th step that counts, r from 1; state's steps have r <= 0.
    order = (~counts).long().argsort(dim=1, stable=True) + width - 1
    before = torch.arange(width - 1, device=flowing.device).expand(batch, -1)
    places = torch.cat((before, order), 1)
    newest = torch.cat((rank, rank[:, -1:] if time else rank.new_zeros(batch, 1)), 1)
    # How many steps that count came before the newest start: those are forgotten.
    forgotten = newest.new_full(newest.shape, -width)
    if starts is not None:
        within = counted(starts, lengths, None)
        begins = starts if within is None else starts & within
        ahead = rank - counts.long()
        last = torch.where(begins, ahead, -width).cummax(1).values if time else ahead
        forgotten = torch.cat(
            (last, last[:, -1:] if time else last.new_full((batch, 1), -width)), 1
        )
    back = torch.arange(width - 1, -1, -1, device=flowing.device)
    chosen = newest[:, :, None] - back
    kept = chosen > forgotten[:, :, None]
    where = places.gather(1, (chosen + width - 2).clamp(min=0).flatten(1)).view(chosen.shape)
    rows = flowing[torch.arange(batch, device=flowing.device)[:, None, None], where]
    rows = torch.where(kept[:, :, :, None], rows, 0.0)
    # After the last step the newest width - 1 remain.
    return rows[:, :time], rows[:, time, 1:]
