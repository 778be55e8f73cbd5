"""What comes next: scores of symbols -> probabilities, or scores of notes -> probabilities each.

    symbols: p_k = exp(a_k) / sum_j exp(a_j)             nats = -log p_y
    frames:  p_k = 1 / (1 + exp(-a_k)), independently    nats = -sum_k log(p_k or 1 - p_k)

Source (frames): Boulanger-Lewandowski et al. 2012, arXiv:1206.6392; Chung et al. 2014.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from recurra.decode.decoder import AbstractDecoder, Array
from recurra.errors import ShapeError, SpecError
from recurra.kernels.elementwise import elementwise, log_softmax

__all__ = ["NextDecoder"]

_FORMS = ("symbol", "frame")


@dataclass(frozen=True, kw_only=True)
class NextDecoder(AbstractDecoder):
    """Scores [B, size] after a step -> probabilities [B, size] of the next one, float64.

    Args:
        form: "symbol": one of `size` comes; "frame": any of `size` notes, each by itself.
        size: V or W.
    """

    kind: ClassVar[str] = "next"
    form: str
    size: int

    def __post_init__(self) -> None:
        if self.form not in _FORMS:
            raise SpecError(f"decoder: form must be one of {', '.join(_FORMS)}; got {self.form!r}")
        if not isinstance(self.size, int) or isinstance(self.size, bool) or self.size < 1:
            raise SpecError(f"decoder: size must be a whole number >= 1, got {self.size!r}")

    def decode(self, outputs: Mapping[str, Array]) -> Array:
        """Probabilities [B, size]; of symbols each row sums to 1."""
        return self.probabilities(self._rows(outputs, self.size))

    def probabilities(self, scores: Array) -> Array:
        """Scores [..., size] -> probabilities [..., size], float64."""
        if self.form == "symbol":
            return elementwise(np.exp, log_softmax(scores))
        # The smaller of p and 1 - p first: neither exp overflows.
        values = np.asarray(scores, dtype=np.float64)
        powers = elementwise(np.exp, -np.abs(values))
        return np.where(values < 0, powers, 1.0) / (1.0 + powers)

    def nats(self, outputs: Mapping[str, Array], truth: Array) -> Array:
        """The negative log-likelihood of each step.

        Args:
            outputs: The decoded one is [B, T, size].
            truth: What came: symbols [B, T], or frames [B, T, size] of 0 and 1.

        Returns:
            [B, T] float64; each step's depends on that step alone, to the bit.

        Raises:
            ShapeError: the axes do not fit one another.
        """
        scores = np.ascontiguousarray(outputs[self.output], dtype=np.float64)
        axes = scores.shape[:-1] if self.form == "symbol" else scores.shape
        if scores.ndim != 3 or scores.shape[-1] != self.size or truth.shape != axes:
            raise ShapeError(
                f"next decoder expected {self.output} [B, T, {self.size}] and what came for each "
                f"step, got {list(scores.shape)} and {list(truth.shape)}"
            )
        if self.form == "symbol":
            found: Array = np.take_along_axis(log_softmax(scores), truth[..., None], axis=-1)
            return -found[..., 0]
        terms = np.maximum(scores, 0) + elementwise(np.log1p, elementwise(np.exp, -np.abs(scores)))
        summed: Array = (terms - scores * truth).sum(axis=-1)
        return summed
