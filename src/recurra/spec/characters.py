"""The node that reads the characters of each word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recurra.errors import SpecError
from recurra.spec.node import AbstractNode, Signal
from recurra.spec.nodes import Bidirectional

__all__ = ["Characters"]


@dataclass(frozen=True, kw_only=True)
class Characters(AbstractNode):
    """Words as characters [B, T, W] -> [B, T, H + H]: each word read forwards and backwards.

    Token 0 is padding on the right of a word. A word's vector is the forward cell's h after its
    last character, then the backward cell's h after its first; a word without characters gives the
    cells' initial ones. Each word stands for itself, so it streams.

    Args:
        tokens: Different characters, padding included.
        encoder: A bidirectional, which reads the characters' vectors, of its input_size.

    Source: Lample et al. 2016, arXiv:1603.01360, section 4.1.
    """

    kind: ClassVar[str] = "characters"
    tokens: int
    encoder: AbstractNode

    def __post_init__(self) -> None:
        self._require_positive("tokens")
        if not isinstance(self.encoder, Bidirectional):
            raise SpecError(
                f"characters: encoder must be a bidirectional, got {self.encoder.kind!r}"
            )

    @property
    def cells(self) -> Bidirectional:
        """The encoder."""
        assert isinstance(self.encoder, Bidirectional)
        return self.encoder

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """`weight` [tokens, I], a vector a character; those of the encoder under `encoder.`."""
        return {"weight": (self.tokens, self.cells.forward.input_size)} | {
            f"encoder.{name}": shape for name, shape in self.cells.parameters().items()
        }

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """Words become vectors."""
        expected = Signal("pieces", self.tokens, "token")
        if inputs != (expected,):
            came = ", ".join(map(str, inputs)) or "nothing"
            raise SpecError(f"characters expected {expected}, got {came}")
        sides = (self.cells.forward, self.cells.backward)
        return Signal("steps", sum(cell.hidden_size for cell in sides))
