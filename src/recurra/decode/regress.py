"""Network values -> float64 values, still in the scale that the network was trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from recurra.decode.decoder import AbstractDecoder, Array, check_coverage
from recurra.errors import SpecError

__all__ = ["ValueDecoder"]


@dataclass(frozen=True, kw_only=True)
class ValueDecoder(AbstractDecoder):
    """One number a row: [B, 1] -> [B], float64.

    The target's own units come back through `codec.target.decode`, which knows them.

    Args:
        margin: The truth is expected within this of the answer, in the scale of training; None: no
            intervals.
        coverage: Share of truths that `margin` was chosen for; None: not known.
    """

    kind: ClassVar[str] = "value"
    margin: float | None = None
    coverage: float | None = None

    def __post_init__(self) -> None:
        margin = self.margin
        if margin is not None and (
            isinstance(margin, bool)
            or not isinstance(margin, int | float)
            or not 0 <= margin < math.inf
        ):
            raise SpecError(f"decoder: margin must be a finite number >= 0, got {margin!r}")
        check_coverage(self.coverage, of=margin)

    def decode(self, outputs: Mapping[str, Array]) -> Array:
        """Values [B]."""
        return self._rows(outputs, 1)[:, 0]
