"""The characters of each word become its vector; each distinct word is read once."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.errors import DTypeError, ShapeError
from recurra.layers.abstract import AbstractLayer
from recurra.layers.bidirectional import Bidirectional
from recurra.layers.steps import check_steps, counted, one_step, zero_skipped
from recurra.spec.characters import Characters as CharactersNode
from recurra.spec.state import StatelessState

__all__ = ["Characters"]


class Characters(AbstractLayer):
    """Words as characters [B, T, W], int64, 0 being padding on the right -> [B, T, H + H].

    A word's vector is the forward cell's h after its last character, then the backward cell's h
    after its first. At steps that are padding or not valid it is zero, and nothing is read.

    Args:
        tokens: Different characters, padding included.
        encoder: Reads the characters' vectors, of its input_size.
        device: Of the characters' vectors.
        dtype: Of the characters' vectors.

    The vectors begin as N(0, 1 / size), so that their expected length is 1.

    Source: Lample et al. 2016, arXiv:1603.01360, section 4.1.
    """

    node: CharactersNode

    def __init__(
        self,
        tokens: int,
        encoder: Bidirectional,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(CharactersNode(tokens=tokens, encoder=encoder.node))
        size = encoder.node.forward.input_size
        self.weight = nn.Parameter(torch.empty(tokens, size, device=device, dtype=dtype))
        self.encoder = encoder
        nn.init.normal_(self.weight, std=size**-0.5)

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
        """Read every word of x [B, T, W].

        Raises:
            ShapeError: x has other axes, or a character is not in [0, tokens) (looked at on the
                CPU only).
            DTypeError: x is not int64.
        """
        del state
        if x.ndim != 3:
            raise ShapeError(f"Characters expected x [B, T, W], got {[*x.shape]}")
        if x.dtype != torch.int64:
            raise DTypeError(f"Characters expected x in int64, got {x.dtype}; convert it")
        check_steps("Characters", *x.shape[:2], lengths=lengths, valid=valid, starts=starts)
        counts = counted(x, lengths, valid)
        if counts is not None:
            x = torch.where(counts[:, :, None], x, 0)
        words, where = torch.unique(x.flatten(0, 1), dim=0, return_inverse=True)
        vectors = self._read(words)
        y = vectors[where].reshape(*x.shape[:2], vectors.shape[1])
        return zero_skipped(y, counts), StatelessState()

    def step(
        self,
        x_t: Tensor,
        state: StatelessState | None = None,
        *,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, StatelessState]:
        """Read one word a row: x_t [B, W] -> [B, H + H], zero where not valid."""
        y, end = self(x_t.unsqueeze(1), state, valid=one_step(valid), starts=one_step(starts))
        return y.squeeze(1), end

    def _read(self, words: Tensor) -> Tensor:
        """[N, W] -> [N, H + H]."""
        lengths = (words != 0).sum(1)
        if words.device.type == "cpu" and words.numel():
            low, high = (int(bound) for bound in torch.aminmax(words))
            if low < 0 or high >= self.node.tokens:
                raise ShapeError(
                    f"Characters expected tokens in [0, {self.node.tokens}), got {low} to {high}: "
                    "give unknown characters a token of their own"
                )
        # No word is longer than the longest: the padding that all share need not be read.
        words = words[:, : int(lengths.max()) if len(lengths) else 0]
        _, (ahead, back) = self.encoder(functional.embedding(words, self.weight), lengths=lengths)
        return torch.cat((ahead[0], back[0]), 1)
