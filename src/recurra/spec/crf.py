"""The node that holds what a linear-chain CRF knows of neighbouring tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recurra.spec.node import AbstractNode, Signal

__all__ = ["Crf"]


@dataclass(frozen=True, kw_only=True)
class Crf(AbstractNode):
    """Scores of neighbouring tags, handed on as one row beside the steps' own scores.

        score(y) = start[y_0] + sum_t x_t[y_t] + sum_t follow[y_{t-1}, y_t] + end[y_{T-1}]

    It reads the steps' scores x [B, T, K] and puts out [B, K * (K + 2)]: start, follow row by row
    (from, to), end, the same for every row. So a graph's outputs hold all that its loss and its
    decoder need, on either side.

    Args:
        tags: K.

    Source: Lafferty, McCallum & Pereira 2001; over a recurrent network Huang et al. 2015,
    arXiv:1508.01991.
    """

    kind: ClassVar[str] = "crf"
    tags: int

    def __post_init__(self) -> None:
        self._require_positive("tags")

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """`start` [K], `follow` [K, K], `end` [K]."""
        count = self.tags
        return {"start": (count,), "follow": (count, count), "end": (count,)}

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """Steps of K scores give one row of all potentials."""
        self._require_steps(inputs, self.tags)
        return Signal("row", self.tags * (self.tags + 2))
