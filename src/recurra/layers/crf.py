"""What a linear-chain CRF knows of neighbouring tags, as one row for every sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.errors import ShapeError
from recurra.layers.abstract import AbstractLayer
from recurra.layers.steps import check_steps
from recurra.spec.crf import Crf as CrfNode
from recurra.spec.state import StatelessState

__all__ = ["Crf"]


class Crf(AbstractLayer):
    """Scores of steps [B, T, K] -> the potentials [B, K * (K + 2)]: start, follow (from, to), end.

    The same row for every sequence; what the steps hold is not read. The parameters begin at zero.

    Args:
        tags: K.
        device: Of the parameters.
        dtype: Of the parameters.

    Raises:
        SpecError: `tags` is no whole number >= 1.
    """

    node: CrfNode

    def __init__(
        self,
        tags: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(CrfNode(tags=tags))
        for name, shape in self.node.parameters().items():
            values = torch.zeros(shape, device=device, dtype=dtype)
            self.register_parameter(name, nn.Parameter(values))

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
        """The potentials, once a row of x [B, T, K]."""
        del state
        if x.ndim != 3 or x.shape[2] != self.node.tags:
            raise ShapeError(f"Crf expected x [B, T, K={self.node.tags}], got {[*x.shape]}")
        check_steps("Crf", *x.shape[:2], lengths=lengths, valid=valid, starts=starts)
        return self._row().expand(len(x), -1), StatelessState()

    def step(
        self,
        x_t: Tensor,
        state: StatelessState | None = None,
        *,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, StatelessState]:
        """The same row after any step x_t [B, K]."""
        del state, valid, starts
        return self._row().expand(len(x_t), -1), StatelessState()

    def _row(self) -> Tensor:
        return torch.cat([getattr(self, name).flatten() for name in self.node.parameters()])
