"""Network values -> float64 values, still in the scale that the network was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from recurra.decode.decoder import AbstractDecoder, Array

__all__ = ["ValueDecoder"]


@dataclass(frozen=True, kw_only=True)
class ValueDecoder(AbstractDecoder):
    """One number a row: [B, 1] -> [B], float64.

    The target's own units come back through `codec.target.decode`, which knows them.
    """

    kind: ClassVar[str] = "value"

    def decode(self, outputs: Mapping[str, Array]) -> Array:
        """Values [B]."""
        return self._rows(outputs, 1)[:, 0]
