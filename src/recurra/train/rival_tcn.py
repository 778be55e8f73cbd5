"""A temporal convolutional network in the place of the recurrent layers.

    block l, of width 3 and dilation d = 2^l:
        u = drop(relu(W1 * h + b1)),  v = drop(relu(W2 * u + b2)),  h' = relu(v + h)

W * h is a causal dilated convolution, (W * h)_t = sum_k W_k h_{t - k d}; where both directions are
read, k runs over -1, 0, 1. A weight is its direction times a gain for each channel (weight
normalisation). Where the widths differ, h is mapped linearly on its way around.

Source: Bai, Kolter & Koltun 2018, arXiv:1803.01271, section 3; Salimans & Kingma 2016,
arXiv:1602.07868, eq. 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.layers.dropout import drop
from recurra.spec.node import AbstractNode
from recurra.train.rival_layer import AbstractRival

__all__ = ["TCN", "levels_for"]

# Taps of a convolution, as the paper's smallest.
_WIDTH = 3
# More would reach past 16,000 steps; most channels are then nearly empty.
_MOST_LEVELS = 12


def levels_for(steps: int) -> int:
    """The fewest blocks whose last output sees so many steps, at most 12.

    Two convolutions a block: levels L see 1 + 4 * (2^L - 1) steps.
    """
    levels = 1
    while levels < _MOST_LEVELS and reach_of(levels) < steps:
        levels += 1
    return levels


def reach_of(levels: int) -> int:
    """Steps that an output sees, its own among them."""
    reach: int = 1 + 2 * (_WIDTH - 1) * (2**levels - 1)
    return reach


class TCN(AbstractRival):
    """Dilated convolutions with residual connections: x [B, T, I] -> y [B, T, W].

    Args:
        node: The node whose place is taken.
        input_size: I.
        width: W, channels of every block.
        levels: Blocks.
        causal: A step reads no later one.
        carried: Take the steps before a window along to the next.
        dropout: After each convolution.
        variational: One draw a channel of a sequence (spatial dropout, as in the paper).
    """

    def __init__(
        self,
        node: AbstractNode,
        input_size: int,
        width: int,
        *,
        levels: int,
        causal: bool,
        carried: bool,
        dropout: float,
        variational: bool,
    ) -> None:
        super().__init__(node, input_size, reach_of(levels) - 1 if carried else 0)
        sizes = [input_size, *[width] * levels]
        self.blocks = nn.ModuleList(
            _Block(sizes[k], width, 2**k, causal, dropout, variational) for k in range(levels)
        )

    def read(self, x: Tensor, sequence: Tensor) -> Tensor:
        """As `AbstractRival.read`."""
        for block in self.blocks:
            x = block(x, sequence)
        return x


class _Block(nn.Module):
    def __init__(
        self,
        input_size: int,
        width: int,
        dilation: int,
        causal: bool,
        dropout: float,
        variational: bool,
    ) -> None:
        super().__init__()
        self.first = _Convolution(input_size, width, dilation, causal)
        self.second = _Convolution(width, width, dilation, causal)
        self.around = nn.Linear(input_size, width) if input_size != width else nn.Identity()
        self.dropout, self.variational = dropout, variational

    def forward(self, h: Tensor, sequence: Tensor) -> Tensor:
        u = h
        for convolution in (self.first, self.second):
            u = torch.relu(convolution(u, sequence))
            u = drop(u, self.dropout, self.variational, self.training)
        around: Tensor = self.around(h)
        return torch.relu(u + around)


class _Convolution(nn.Module):
    """Weight-normalised: [B, T, I] -> [B, T, O], taps of one sequence only."""

    def __init__(self, input_size: int, output_size: int, dilation: int, causal: bool) -> None:
        super().__init__()
        first = 0 if causal else -(_WIDTH // 2)
        self.shifts = [dilation * (first + k) for k in range(_WIDTH)]
        self.weight = nn.Parameter(torch.empty(output_size, _WIDTH * input_size))
        self.bias = nn.Parameter(torch.zeros(output_size))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.gain = nn.Parameter(self.weight.detach().norm(dim=1))

    def forward(self, x: Tensor, sequence: Tensor) -> Tensor:
        taps = [x if shift == 0 else self._shifted(x, sequence, shift) for shift in self.shifts]
        weight = self.weight * (self.gain / self.weight.norm(dim=1))[:, None]
        return functional.linear(torch.cat(taps, 2), weight, self.bias)

    @staticmethod
    def _shifted(x: Tensor, sequence: Tensor, shift: int) -> Tensor:
        """x of the step `shift` before each; 0 where that is of another sequence."""
        time = x.shape[1]
        size = min(abs(shift), time)
        if shift > 0:
            before, there = x[:, : time - size], sequence[:, : time - size]
            edges, ends = (0, 0, size, 0), (size, 0)
        else:
            before, there = x[:, size:], sequence[:, size:]
            edges, ends = (0, 0, 0, size), (0, size)
        same = functional.pad(there, ends, value=-2) == sequence
        return torch.where(same[:, :, None], functional.pad(before, edges), 0.0)
