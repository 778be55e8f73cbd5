"""A Transformer encoder in the place of the recurrent layers.

    h = W x + b + p,   p_t the sines and cosines of position t
    h = h + drop(attention(norm(h)));   h = h + drop(W2 drop(gelu(W1 norm(h))))    in each block
    y = norm(h)

Attention has four heads and reads the steps of its own sequence, where it is causal the earlier
ones only.

Source: Vaswani et al. 2017, arXiv:1706.03762, sections 3.1 to 3.5; norms ahead of each part:
Xiong et al. 2020, arXiv:2002.04745.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.layers.dropout import drop
from recurra.spec.node import AbstractNode
from recurra.train.rival_layer import AbstractRival

__all__ = ["Transformer", "positions"]

_HEADS = 4
# The hidden layer of a block is so many times as wide as the block.
_WIDER = 4
# Of the slowest wave, as in the paper.
_LONGEST = 10_000.0


def positions(time: int, width: int, like: Tensor) -> Tensor:
    """p [T, W]: p_t,2i = sin(t / 10000^(2i / W)), p_t,2i+1 = cos of the same (eq. in 3.5)."""
    clock = torch.arange(time, device=like.device, dtype=torch.float64)[:, None]
    pairs = torch.arange(0, width, 2, device=like.device, dtype=torch.float64)
    angles = clock * torch.exp(-math.log(_LONGEST) * pairs / width)
    waves = torch.stack((angles.sin(), angles.cos()), 2).flatten(1)
    return waves[:, :width].to(like.dtype)


class Transformer(AbstractRival):
    """Blocks of attention: x [B, T, I] -> y [B, T, W].

    Args:
        node: The node whose place is taken.
        input_size: I.
        width: W.
        layers: Blocks.
        causal: A step reads no later one.
        context: K, steps of the window before that are read again.
        dropout: Of attention, of each part's output, and of the first sum.
        variational: One draw a sequence of what is added, not one a step.
    """

    def __init__(
        self,
        node: AbstractNode,
        input_size: int,
        width: int,
        *,
        layers: int,
        causal: bool,
        context: int,
        dropout: float,
        variational: bool,
    ) -> None:
        super().__init__(node, input_size, context)
        self.causal, self.dropout, self.variational = causal, dropout, variational
        self.enter = nn.Linear(input_size, width)
        self.blocks = nn.ModuleList(_Block(width, dropout, variational) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def read(self, x: Tensor, sequence: Tensor) -> Tensor:
        """As `AbstractRival.read`."""
        time = x.shape[1]
        h = self.enter(x)
        h = h + positions(time, h.shape[2], h)
        h = drop(h, self.dropout, self.variational, self.training)
        seen = (sequence[:, :, None] == sequence[:, None, :]) & (sequence >= 0)[:, None, :]
        if self.causal:
            seen = seen.tril()
        # A place that is no step sees itself: a row of nothing at all would be NaN.
        seen = seen | torch.eye(time, dtype=torch.bool, device=x.device)
        for block in self.blocks:
            h = block(h, seen[:, None])
        y: Tensor = self.norm(h)
        return y


class _Block(nn.Module):
    def __init__(self, width: int, dropout: float, variational: bool) -> None:
        super().__init__()
        # Heads of equal size, whatever the width is.
        inner = _HEADS * math.ceil(width / _HEADS)
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asked = nn.Linear(width, 3 * inner)
        self.answered = nn.Linear(inner, width)
        self.wide = nn.Linear(width, _WIDER * width)
        self.narrow = nn.Linear(_WIDER * width, width)
        self.dropout, self.variational = dropout, variational

    def forward(self, h: Tensor, seen: Tensor) -> Tensor:
        h = h + self._dropped(self._attended(self.before(h), seen))
        wide = self._dropped(functional.gelu(self.wide(self.between(h))))
        return h + self._dropped(self.narrow(wide))

    def _attended(self, h: Tensor, seen: Tensor) -> Tensor:
        batch, time, _ = h.shape
        query, key, value = (
            part.reshape(batch, time, _HEADS, -1).transpose(1, 2)
            for part in self.asked(h).chunk(3, dim=2)
        )
        rate = self.dropout if self.training else 0.0
        found = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=seen, dropout_p=rate
        )
        answered: Tensor = self.answered(found.transpose(1, 2).reshape(batch, time, -1))
        return answered

    def _dropped(self, x: Tensor) -> Tensor:
        return drop(x, self.dropout, self.variational, self.training)
