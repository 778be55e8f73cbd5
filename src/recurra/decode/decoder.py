"""What every decoder offers: one answer a row, for whole sequences and one step at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from recurra.errors import ShapeError, SpecError

__all__ = ["AbstractDecoder", "Array", "Slots", "check_coverage"]

Array = npt.NDArray[Any]
Slots = Mapping[str, Array]


@dataclass(frozen=True, kw_only=True)
class AbstractDecoder:
    """The base of all decoders: a frozen value, written to the bundle as its fields.

    Args:
        output: Name of the graph's output that is decoded.
    """

    kind: ClassVar[str]
    output: str = "head"

    def decode(self, outputs: Mapping[str, Array]) -> Array:
        """The answers of a batch; each row's answer depends on that row alone, to the bit."""
        raise TypeError(f"{type(self).__name__} does not say how it decodes {sorted(outputs)}")

    def start(self) -> Slots:
        """What one stream's decoder must remember before its first step: nothing, by default."""
        return {}

    def step(self, outputs: Mapping[str, Array], slots: Slots) -> tuple[Array, Slots]:
        """The answer after one more step, and what to remember then."""
        return self.decode(outputs), slots

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values; `decoder_from_json` gives the same decoder back."""
        return {"kind": self.kind, **asdict(self)}

    def _rows(self, outputs: Mapping[str, Array], width: int) -> Array:
        """The decoded output as contiguous float64 [B, width]."""
        values = outputs[self.output]
        if values.ndim != 2 or values.shape[1] != width:
            raise ShapeError(
                f"{self.kind} decoder expected {self.output} [B, {width}], "
                f"got {list(values.shape)}: the graph and the decoder belong to different models"
            )
        return np.ascontiguousarray(values, dtype=np.float64)


def check_coverage(coverage: Any, *, of: float | None) -> None:
    """Refuse a coverage that is no share, or one of nothing (SpecError)."""
    if coverage is None:
        return
    real = isinstance(coverage, int | float) and not isinstance(coverage, bool)
    if of is None or not real or not 0 < coverage < 1:
        raise SpecError(
            f"decoder: coverage must be in (0, 1) beside a limit, or null, got {coverage!r}"
        )
