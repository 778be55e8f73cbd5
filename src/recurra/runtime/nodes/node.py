"""The numpy side of one node: the same verbs as a layer, over arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from recurra.kernels.stream import Program
from recurra.spec.node import AbstractNode
from recurra.spec.state import StatelessState

__all__ = ["AbstractNumpyNode", "AbstractStateless", "Array", "below", "counted", "zero_skipped"]

Array = npt.NDArray[Any]


class AbstractNumpyNode(ABC):
    """The base of all of them.

    Args:
        node: What is computed, as a value.
        weights: Its parameters, all of one dtype, by the names of `node.parameters()`.
        dtype: Of the weights and of what flows, float32 or float64.
    """

    # Whether a native program has it; `place` refuses where not.
    placed: ClassVar[bool] = True

    def __init__(
        self, node: AbstractNode, weights: Mapping[str, Array], dtype: np.dtype[Any]
    ) -> None:
        self.node = node
        self.weights = weights
        self.dtype = dtype

    @abstractmethod
    def initial_state(self, batch: int) -> Any:
        """The state ahead of the first step, for `batch` rows."""

    @abstractmethod
    def __call__(
        self,
        x: Array,
        state: Any,
        *,
        lengths: Array | None,
        valid: Array | None,
        starts: Array | None,
    ) -> tuple[Array, Any]:
        """Run over a whole sequence or a chunk: x [B, T, ...] or a row [B, ...]."""

    @abstractmethod
    def step(
        self, x_t: Array, state: Any, *, valid: Array | None, starts: Array | None
    ) -> tuple[Array, Any]:
        """Run one step: x_t [B, ...]; the state given stays as it is."""

    @abstractmethod
    def place(self, program: Program, source: int) -> int:
        """Add this node to a program; reads the value `source`, gives the number of its own."""


class AbstractStateless(AbstractNumpyNode):
    """The base of nodes that keep nothing from step to step."""

    def initial_state(self, batch: int) -> StatelessState:  # noqa: ARG002 - nothing is kept for any row
        """Nothing."""
        return StatelessState()


def counted(x: Array, lengths: Array | None, valid: Array | None) -> Array | None:
    """True where a step of x [B, T, ...] counts: neither padding nor skipped; None: all count."""
    if lengths is None or bool((lengths == x.shape[1]).all()):
        return valid
    within: Array = np.arange(x.shape[1]) < lengths[:, None]
    return within if valid is None else within & valid


def zero_skipped(x: Array, counts: Array | None) -> Array:
    """Zeros [B, T, ...] where a step does not count: 0 * NaN is NaN, so nothing is multiplied."""
    if counts is None:
        return x
    return np.where(counts.reshape(counts.shape + (1,) * (x.ndim - 2)), x, x.dtype.type(0))


def below(weights: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """The weights under `prefix`, by the rest of their names."""
    return {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
