"""Logits -> probabilities of the classes, and the most probable class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from recurra.decode.calibrate import conformal_sets
from recurra.decode.decoder import AbstractDecoder, Array, check_coverage
from recurra.errors import SpecError

__all__ = ["ClassDecoder"]


@dataclass(frozen=True, kw_only=True)
class ClassDecoder(AbstractDecoder):
    """Logits [B, K] -> probabilities [B, K], float64 whatever the logits are.

        p_k = exp((a_k - max a) / T) / sum_j exp((a_j - max a) / T)

    Args:
        classes: K, at least 2.
        temperature: T; 1 leaves the network's own probabilities.
        threshold: Of two classes the second is called where its probability is above this.
        doubt: A class belongs to the answer's set where 1 - p is at most this; None: no sets.
        coverage: Share of truths that `doubt` was chosen for; None: not known.
    """

    kind: ClassVar[str] = "classes"
    classes: int
    temperature: float = 1.0
    threshold: float = 0.5
    doubt: float | None = None
    coverage: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.classes, int) or isinstance(self.classes, bool) or self.classes < 2:
            raise SpecError(f"decoder: classes must be a whole number >= 2, got {self.classes!r}")
        if not _real(self.temperature) or not 0 < self.temperature < math.inf:
            raise SpecError(f"decoder: temperature must be positive, got {self.temperature!r}")
        if not _real(self.threshold) or not 0 <= self.threshold <= 1:
            raise SpecError(f"decoder: threshold must be in [0, 1], got {self.threshold!r}")
        if self.threshold != 0.5 and self.classes != 2:
            raise SpecError(f"decoder: a threshold is for two classes, not for {self.classes}")
        if self.doubt is not None and not (_real(self.doubt) and 0 <= self.doubt <= 1):
            raise SpecError(f"decoder: doubt must be in [0, 1] or null, got {self.doubt!r}")
        check_coverage(self.coverage, of=self.doubt)

    def decode(self, outputs: Mapping[str, Array]) -> Array:
        """Probabilities [B, K], each row summing to 1."""
        logits = self._rows(outputs, self.classes)
        answers = np.empty_like(logits)
        # Row by row: numpy's vectorised exp may round an element by where in the array it stands,
        # and a row's answer must not depend on its neighbours.
        for row, answer in zip(logits, answers, strict=True):
            scaled = row - row.max()
            if self.temperature != 1.0:
                scaled /= self.temperature
            powers = np.exp(scaled)
            np.divide(powers, powers.sum(), out=answer)
        return answers

    def choose(self, answers: Array) -> Array:
        """The class that is called in each row, int64 [B]; the lowest index among equals."""
        if self.threshold != 0.5:
            called: Array = answers[..., 1] > self.threshold
            return called.astype(np.int64)
        chosen: Array = np.argmax(answers, axis=-1)
        return chosen.astype(np.int64)

    def sets(self, answers: Array, doubt: float | None = None) -> Array:
        """Which classes cannot be ruled out, [B, K] bool; the called one always belongs to them.

        Args:
            answers: Probabilities [B, K].
            doubt: Instead of the decoder's own, as a stream has it.

        Raises:
            SpecError: the model was trained without a coverage.
        """
        return conformal_sets(answers, self.choose(answers), self.doubt if doubt is None else doubt)


def _real(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
