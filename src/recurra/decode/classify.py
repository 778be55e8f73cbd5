"""Logits -> probabilities of the classes, and the most probable class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from recurra.decode.decoder import AbstractDecoder, Array
from recurra.errors import SpecError

__all__ = ["ClassDecoder"]


@dataclass(frozen=True, kw_only=True)
class ClassDecoder(AbstractDecoder):
    """Logits [B, K] -> probabilities [B, K], float64 whatever the logits are.

        p_k = exp(a_k - max a) / sum_j exp(a_j - max a)

    Args:
        classes: K, at least 2.
    """

    kind: ClassVar[str] = "classes"
    classes: int

    def __post_init__(self) -> None:
        if not isinstance(self.classes, int) or isinstance(self.classes, bool) or self.classes < 2:
            raise SpecError(f"decoder: classes must be a whole number >= 2, got {self.classes!r}")

    def decode(self, outputs: Mapping[str, Array]) -> Array:
        """Probabilities [B, K], each row summing to 1."""
        logits = self._rows(outputs, self.classes)
        answers = np.empty_like(logits)
        # Row by row: numpy's vectorised exp may round an element by where in the array it stands,
        # and a row's answer must not depend on its neighbours.
        for row, answer in zip(logits, answers, strict=True):
            powers = np.exp(row - row.max())
            np.divide(powers, powers.sum(), out=answer)
        return answers

    def choose(self, answers: Array) -> Array:
        """The most probable class of each row, int64 [B]; the lowest index among equals."""
        chosen: Array = np.argmax(answers, axis=-1)
        return chosen.astype(np.int64)
