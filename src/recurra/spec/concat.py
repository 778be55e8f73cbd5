"""The node that puts two signals side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recurra.errors import SpecError
from recurra.spec.node import AbstractNode, Signal

__all__ = ["Concat"]


@dataclass(frozen=True, kw_only=True)
class Concat(AbstractNode):
    """Steps [B, T, left] and [B, T, right] -> [B, T, left + right], in this order.

    Args:
        left: Width of the first input.
        right: Width of the second.
    """

    kind: ClassVar[str] = "concat"
    arity: ClassVar[int] = 2
    left: int
    right: int

    def __post_init__(self) -> None:
        self._require_positive("left", "right")

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """The widths add up."""
        expected = (Signal("steps", self.left), Signal("steps", self.right))
        if inputs != expected:
            came = ", ".join(map(str, inputs)) or "nothing"
            raise SpecError(f"concat expected {expected[0]} and {expected[1]}, got {came}")
        return Signal("steps", self.left + self.right)
