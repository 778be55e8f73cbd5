"""The nodes by which a decoder reads a memory: what an encoder has put out for another sequence.

A memory is a graph input of its own, [B, S, size], with its own lengths; S is not T.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recurra.errors import SpecError
from recurra.spec.node import AbstractNode, Signal

__all__ = ["ALIGNMENT", "LENGTHS", "SCORES", "Attention", "Mixture", "Spread"]

SCORES = ("additive", "multiplicative", "dot")
# How many places of each row's memory count.
LENGTHS = Signal("row", 1, "length")
# One weight for each place of a memory, at each step.
ALIGNMENT = Signal("alignment", 1)


@dataclass(frozen=True, kw_only=True)
class Attention(AbstractNode):
    """Queries [B, T, Q], keys [B, S, K], lengths [B] -> weights [B, T, S] that sum to 1.

        a_ts = exp e_ts / sum_{s' < length} exp e_ts', 0 at places beyond the length
        additive:        e_ts = energy . tanh(W q_t + b + k_s)     (Bahdanau et al. 2014)
        multiplicative:  e_ts = (W q_t) . k_s                      (Luong et al. 2015, "general")
        dot:             e_ts = q_t . k_s                          (Luong et al. 2015)

    For Bahdanau's U_a h_s, let a linear step without bias make the keys out of the memory. A memory
    of length 0 gets no weight at all.

    Args:
        query_size: Q.
        key_size: K; for "dot" the same as Q.
        score: "additive", "multiplicative" or "dot".

    Source: arXiv:1409.0473, section A.1.2; arXiv:1508.04025, section 3.1.
    """

    kind: ClassVar[str] = "attention"
    arity: ClassVar[int] = 3
    query_size: int
    key_size: int
    score: str = "multiplicative"

    def __post_init__(self) -> None:
        self._require_positive("query_size", "key_size")
        self._require_choice("score", SCORES)
        if self.score == "dot" and self.query_size != self.key_size:
            raise SpecError(
                f"attention: dot expected query_size = key_size, got {self.query_size} and "
                f"{self.key_size}: choose multiplicative, which maps one onto the other"
            )

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """`weight` [K, Q] unless "dot"; for "additive" also `bias` [K] and `energy` [K]."""
        if self.score == "dot":
            return {}
        shapes: dict[str, tuple[int, ...]] = {"weight": (self.key_size, self.query_size)}
        if self.score == "additive":
            shapes |= {"bias": (self.key_size,), "energy": (self.key_size,)}
        return shapes

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """Queries look at keys."""
        expected = (Signal("steps", self.query_size), Signal("memory", self.key_size), LENGTHS)
        _require(self.kind, inputs, expected)
        return ALIGNMENT


@dataclass(frozen=True, kw_only=True)
class Mixture(AbstractNode):
    """Weights [B, T, S], a memory [B, S, size], lengths [B] -> c_t = sum_s a_ts m_s [B, T, size].

    Args:
        size: Of a place of the memory.
    """

    kind: ClassVar[str] = "mixture"
    arity: ClassVar[int] = 3
    size: int

    def __post_init__(self) -> None:
        self._require_positive("size")

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """The memory as each step weighs it."""
        _require(self.kind, inputs, (ALIGNMENT, Signal("memory", self.size), LENGTHS))
        return Signal("steps", self.size)


@dataclass(frozen=True, kw_only=True)
class Spread(AbstractNode):
    """Steps [B, T, any] and a row [B, size] -> the row at every step, [B, T, size].

    Args:
        size: Of the row.
    """

    kind: ClassVar[str] = "spread"
    arity: ClassVar[int] = 2
    size: int

    def __post_init__(self) -> None:
        self._require_positive("size")

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """The first input gives the steps alone."""
        row = Signal("row", self.size)
        if (
            len(inputs) != 2
            or (inputs[0].axes, inputs[0].dtype) != ("steps", "float")
            or inputs[1] != row
        ):
            came = ", ".join(map(str, inputs)) or "nothing"
            raise SpecError(f"spread expected steps and a row {row}, got {came}")
        return Signal("steps", self.size)


def _require(kind: str, inputs: tuple[Signal, ...], expected: tuple[Signal, ...]) -> None:
    if inputs != expected:
        came = ", ".join(map(str, inputs)) or "nothing"
        raise SpecError(f"{kind} expected {', '.join(map(str, expected))}, got {came}")
