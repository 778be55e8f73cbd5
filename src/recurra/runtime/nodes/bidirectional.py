"""Two cells over the same steps, the second from each row's end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra.errors import SpecError
from recurra.kernels.stream import Program
from recurra.runtime.nodes.node import AbstractNumpyNode, Array, below
from recurra.runtime.nodes.recurrent import NumpyRecurrent
from recurra.spec.nodes import Bidirectional
from recurra.spec.state import BidirectionalState

__all__ = ["NumpyBidirectional"]


class NumpyBidirectional(AbstractNumpyNode):
    """x [B, T, I] -> y [B, T, 2H]: forward outputs, then backward outputs."""

    def __init__(
        self, node: Bidirectional, weights: Mapping[str, Array], dtype: np.dtype[Any]
    ) -> None:
        super().__init__(node, weights, dtype)
        self.forward = NumpyRecurrent(node.forward, below(weights, "forward."), dtype)
        self.backward = NumpyRecurrent(node.backward, below(weights, "backward."), dtype)

    def initial_state(self, batch: int) -> BidirectionalState:
        """Of both directions."""
        return BidirectionalState(
            self.forward.initial_state(batch), self.backward.initial_state(batch)
        )

    def __call__(
        self,
        x: Array,
        state: BidirectionalState,
        *,
        lengths: Array | None,
        valid: Array | None,
        starts: Array | None,
    ) -> tuple[Array, BidirectionalState]:
        """Both directions over the whole of x."""
        steps: dict[str, Any] = {"lengths": lengths, "valid": valid, "starts": starts}
        ahead, forward = self.forward(x, state.forward, **steps)
        back, backward = self.backward(x, state.backward, **steps, reverse=True)
        return np.concatenate([ahead, back], axis=2), BidirectionalState(forward, backward)

    def step(
        self,
        x_t: Array,  # noqa: ARG002 - refused whatever it is
        state: BidirectionalState,  # noqa: ARG002 - the same
        *,
        valid: Array | None,  # noqa: ARG002 - the same
        starts: Array | None,  # noqa: ARG002 - the same
    ) -> tuple[Array, BidirectionalState]:
        """Never: the reason is raised."""
        raise SpecError(f"bidirectional has no step: {self.node.why_not_streaming()}")

    def place(self, program: Program, source: int) -> int:  # noqa: ARG002 - refused whatever it is
        """Never: the reason is raised."""
        raise SpecError(f"bidirectional has no step: {self.node.why_not_streaming()}")
