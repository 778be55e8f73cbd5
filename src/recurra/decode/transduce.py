"""How an output is searched: the width of the beam, its ranking, and how long it may become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from recurra.decode.beam import beam_search
from recurra.decode.decoder import AbstractDecoder, Array
from recurra.decode.greedy import Hypothesis, StepFunction, greedy_search
from recurra.errors import SpecError

__all__ = ["BeamDecoder"]


@dataclass(frozen=True, kw_only=True)
class BeamDecoder(AbstractDecoder):
    """Log-probabilities of the next symbol -> the best outputs.

    Args:
        output: Name of the graph's output that scores the next symbol.
        width: Hypotheses that are kept; 1: greedy search.
        length_penalty: As `beam_search`'s.
        longest: Most symbols of an output.
    """

    kind: ClassVar[str] = "beam"
    width: int = 5
    length_penalty: float = 0.0
    longest: int = 100

    def __post_init__(self) -> None:
        for name in ("width", "longest"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise SpecError(f"decoder: {name} must be a whole number >= 1, got {value!r}")
        penalty = self.length_penalty
        number = isinstance(penalty, int | float) and not isinstance(penalty, bool)
        if not number or not 0 <= penalty < float("inf"):
            raise SpecError(f"decoder: length_penalty must be a number >= 0, got {penalty!r}")

    def search(
        self, step: StepFunction, state: Any, longest: Array, *, boundary: int
    ) -> list[list[Hypothesis]]:
        """Up to `width` outputs of each source, best first.

        Args:
            step: As `beam_search`'s.
            state: As `beam_search`'s.
            longest: [B], most symbols of each output.
            boundary: The token that begins an output, and ends it.
        """
        if self.width == 1 and self.length_penalty == 0:
            found = greedy_search(step, state, longest, start=boundary, end=boundary)
            return [[hypothesis] for hypothesis in found]
        return beam_search(
            step,
            state,
            longest,
            start=boundary,
            end=boundary,
            width=self.width,
            length_penalty=self.length_penalty,
        )
