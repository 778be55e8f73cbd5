"""How a decoder reads a memory: attention weights, their mixture, and a row at every step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.errors import DTypeError, ShapeError
from recurra.layers.abstract import AbstractLayer
from recurra.layers.steps import check_steps, counted, one_step, zero_skipped
from recurra.spec.attention import Attention as AttentionNode
from recurra.spec.attention import Mixture as MixtureNode
from recurra.spec.attention import Spread as SpreadNode
from recurra.spec.node import AbstractNode
from recurra.spec.state import StatelessState

__all__ = ["Attention", "Mixture", "Spread"]


class _AbstractReader(AbstractLayer):
    """What the three share: no state, and one step as a sequence of one."""

    def initial_state(self, batch: int) -> StatelessState:
        """Nothing to remember."""
        del batch
        return StatelessState()

    def step(
        self,
        x_t: Tensor,
        *inputs: Any,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, StatelessState]:
        """One step: x_t [B, size], what else is read as in a call -> [B, ...]."""
        y, end = self(x_t.unsqueeze(1), *inputs, valid=one_step(valid), starts=one_step(starts))
        return y.squeeze(1), end


class Attention(_AbstractReader):
    """Queries [B, T, Q], keys [B, S, K], lengths [B] -> weights [B, T, S]; see `spec.attention`.

    The weights are zero at steps that do not count and at places beyond the memory's lengths, where
    nothing of a key is read, also no NaN.

    Args:
        query_size: Q.
        key_size: K.
        score: "additive", "multiplicative" or "dot".
        device: Of the parameters.
        dtype: Of the parameters.

    Raises:
        SpecError: a size or the score is none, or "dot" with sizes that differ.

    The weight begins as U(-a, a), a = sqrt(6 / (Q + K)) (Glorot & Bengio 2010), the energy as
    N(0, 1 / K), the bias at zero.
    """

    node: AttentionNode

    def __init__(
        self,
        query_size: int,
        key_size: int,
        *,
        score: str = "multiplicative",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(AttentionNode(query_size=query_size, key_size=key_size, score=score))
        for name, shape in self.node.parameters().items():
            empty = torch.empty(shape, device=device, dtype=dtype)
            self.register_parameter(name, nn.Parameter(empty))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        for name, parameter in self.named_parameters():
            if name == "weight":
                nn.init.xavier_uniform_(parameter)
            elif name == "energy":
                nn.init.normal_(parameter, std=self.node.key_size**-0.5)
            else:
                nn.init.zeros_(parameter)

    def forward(  # type: ignore[override]  # it takes three inputs
        self,
        queries: Tensor,
        keys: Tensor,
        places: Tensor,
        state: StatelessState | None = None,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, StatelessState]:
        """Weigh every place of the memory at every step.

        Args:
            queries: [B, T, Q].
            keys: [B, S, K].
            places: How many places of each row's memory count, [B], int64.
            state: Nothing.
            lengths: Steps that count, [B]; None: all T.
            valid: False leaves a step out, [B, T].
            starts: Makes no difference: no step depends on another.

        Raises:
            ShapeError: axes other than these.
            DTypeError: places that are not int64.
        """
        del state
        node = self.node
        if queries.ndim != 3 or queries.shape[2] != node.query_size:
            raise ShapeError(
                f"Attention expected queries [B, T, Q={node.query_size}], got {[*queries.shape]}"
            )
        check_steps("Attention", *queries.shape[:2], lengths=lengths, valid=valid, starts=starts)
        within = _within(keys, places, len(queries), node.key_size, node)
        counts = counted(queries, lengths, valid)
        queries, keys = zero_skipped(queries, counts), zero_skipped(keys, within)
        energies = self._energies(queries, keys)
        # The lowest number instead of -inf: a memory without places must not give NaN.
        lowest = torch.finfo(energies.dtype).min
        energies = energies.masked_fill(~within[:, None], lowest)
        weights = torch.where(within[:, None], torch.softmax(energies, 2), 0.0)
        return zero_skipped(weights, counts), StatelessState()

    def _energies(self, queries: Tensor, keys: Tensor) -> Tensor:
        if self.node.score == "additive":
            mapped = functional.linear(queries, self.weight, self.bias)
            found: Tensor = torch.tanh(mapped[:, :, None] + keys[:, None]) @ self.energy
            return found
        if self.node.score == "multiplicative":
            queries = functional.linear(queries, self.weight)
        return queries @ keys.transpose(1, 2)


class Mixture(_AbstractReader):
    """Weights [B, T, S], memory [B, S, size], lengths [B] -> their products' sums [B, T, size].

    Nothing of the memory is read beyond its lengths, also no NaN.

    Args:
        size: Of a place of the memory.
    """

    node: MixtureNode

    def __init__(self, size: int) -> None:
        super().__init__(MixtureNode(size=size))

    def forward(  # type: ignore[override]  # it takes three inputs
        self,
        weights: Tensor,
        memory: Tensor,
        places: Tensor,
        state: StatelessState | None = None,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, StatelessState]:
        """Mix the places of the memory as each step weighs them; arguments as `Attention`'s."""
        del state
        check_steps("Mixture", *weights.shape[:2], lengths=lengths, valid=valid, starts=starts)
        within = _within(memory, places, len(weights), self.node.size, self.node)
        weights = zero_skipped(weights, counted(weights, lengths, valid))
        return weights @ zero_skipped(memory, within), StatelessState()


class Spread(_AbstractReader):
    """Steps [B, T, any] and a row [B, size] -> the row at every step that counts, else zeros.

    Args:
        size: Of the row.
    """

    node: SpreadNode

    def __init__(self, size: int) -> None:
        super().__init__(SpreadNode(size=size))

    def forward(  # type: ignore[override]  # it takes two inputs
        self,
        x: Tensor,
        row: Tensor,
        state: StatelessState | None = None,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, StatelessState]:
        """Repeat the row [B, size] over the T steps of x."""
        del state
        check_steps("Spread", *x.shape[:2], lengths=lengths, valid=valid, starts=starts)
        if row.shape != (len(x), self.node.size):
            raise ShapeError(
                f"Spread expected a row [B={len(x)}, {self.node.size}], got {[*row.shape]}"
            )
        spread = row[:, None].expand(-1, x.shape[1], -1)
        return zero_skipped(spread, counted(x, lengths, valid)), StatelessState()


def _within(memory: Tensor, places: Tensor, batch: int, size: int, node: AbstractNode) -> Tensor:
    """True at the places of a memory that count, [B, S]."""
    if memory.ndim != 3 or (len(memory), memory.shape[2]) != (batch, size):
        raise ShapeError(
            f"{node.kind} expected a memory [B={batch}, S, {size}], got {[*memory.shape]}"
        )
    if places.shape != (batch,):
        raise ShapeError(f"{node.kind} expected lengths [B={batch}], got {[*places.shape]}")
    if places.dtype != torch.int64:
        raise DTypeError(f"{node.kind} expected lengths in torch.int64, got {places.dtype}")
    return torch.arange(memory.shape[1], device=memory.device) < places[:, None]
