"""The potentials of a chain of tags, as one row for every sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra.kernels.stream import Program
from recurra.runtime.nodes.node import AbstractStateless, Array
from recurra.spec.node import AbstractNode

__all__ = ["NumpyCrf"]


class NumpyCrf(AbstractStateless):
    """Scores of steps [B, T, K] -> start, follow (from, to) and end, [B, K * (K + 2)]."""

    def __init__(
        self, node: AbstractNode, weights: Mapping[str, Array], dtype: np.dtype[Any]
    ) -> None:
        super().__init__(node, weights, dtype)
        self.row = np.concatenate([weights[name].ravel() for name in node.parameters()])

    def __call__(
        self,
        x: Array,
        state: Any,
        *,
        lengths: Array | None,  # noqa: ARG002 - the row is the same whatever the steps are
        valid: Array | None,  # noqa: ARG002 - the same
        starts: Array | None,  # noqa: ARG002 - the same
    ) -> tuple[Array, Any]:
        """The row, for each of B."""
        return np.broadcast_to(self.row, (len(x), len(self.row))), state

    def step(
        self,
        x_t: Array,
        state: Any,
        *,
        valid: Array | None,  # noqa: ARG002 - the row is the same whatever the step is
        starts: Array | None,  # noqa: ARG002 - the same
    ) -> tuple[Array, Any]:
        """The row, for each of B."""
        return np.broadcast_to(self.row, (len(x_t), len(self.row))), state

    def place(self, program: Program, source: int) -> int:  # noqa: ARG002 - nothing is placed
        """The value that it reads: a native stream puts out the scores, and the row is known."""
        return source
