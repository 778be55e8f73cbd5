"""A causal convolution along time: each step sees itself and the steps just before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recurra.errors import SpecError
from recurra.spec.cells import ACTIVATIONS, Activation
from recurra.spec.node import AbstractNode, Signal

__all__ = ["Convolution"]


@dataclass(frozen=True, kw_only=True)
class Convolution(AbstractNode):
    """y_t = a(b + sum_k W_k x_{t - width + 1 + k}), k = 0 .. width - 1, over steps that count.

    Steps before the first (or before a start) are zero. Skipped steps are left out, so the window
    of a step holds the newest `width` steps that count; y is zero at skipped steps.

    Args:
        input_size: Of x.
        output_size: Of y.
        width: Steps of a window.
        activation: a.
        bias: Add b.
    """

    kind: ClassVar[str] = "convolution"
    input_size: int
    output_size: int
    width: int = 3
    activation: Activation = "relu"
    bias: bool = True

    def __post_init__(self) -> None:
        self._require_positive("input_size", "output_size", "width")
        self._require_choice("activation", ACTIVATIONS)

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """`weight` [output_size, width * input_size], oldest step first, and `bias`."""
        shapes: dict[str, tuple[int, ...]] = {
            "weight": (self.output_size, self.width * self.input_size)
        }
        return shapes | {"bias": (self.output_size,)} if self.bias else shapes

    def state_slots(self) -> dict[str, tuple[int, ...]]:
        """`recent` [width - 1, input_size]: the newest steps, the newest one last."""
        return {"recent": (self.width - 1, self.input_size)}

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """The last axis changes its size."""
        if inputs != (Signal("steps", self.input_size),):
            raise SpecError(
                f"convolution expected {Signal('steps', self.input_size)}, "
                f"got {', '.join(map(str, inputs)) or 'nothing'}"
            )
        return Signal("steps", self.output_size)
