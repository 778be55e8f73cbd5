"""A linear map with an activation behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recurra.errors import SpecError
from recurra.spec.cells import ACTIVATIONS, Activation
from recurra.spec.node import AbstractNode, Signal

__all__ = ["Dense"]


@dataclass(frozen=True, kw_only=True)
class Dense(AbstractNode):
    """y = a(W x + b) along the last axis of steps or rows.

    Args:
        input_size: Of x.
        output_size: Of y.
        activation: a, one of `recurra.spec.cells.ACTIVATIONS`.
        bias: Add b.
    """

    kind: ClassVar[str] = "dense"
    input_size: int
    output_size: int
    activation: Activation = "tanh"
    bias: bool = True

    def __post_init__(self) -> None:
        self._require_positive("input_size", "output_size")
        self._require_choice("activation", ACTIVATIONS)

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """`weight` [output_size, input_size] and, with bias, `bias` [output_size]."""
        shapes: dict[str, tuple[int, ...]] = {"weight": (self.output_size, self.input_size)}
        return shapes | {"bias": (self.output_size,)} if self.bias else shapes

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """The last axis changes its size, the others stay."""
        if (
            len(inputs) != 1
            or inputs[0].axes not in ("steps", "row")
            or (inputs[0].dtype, inputs[0].size) != ("float", self.input_size)
        ):
            raise SpecError(
                f"dense expected a last axis of {self.input_size}, "
                f"got {', '.join(map(str, inputs)) or 'nothing'}"
            )
        return Signal(inputs[0].axes, self.output_size)
