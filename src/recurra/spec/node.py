"""What every node of a graph declares: parameters, state slots, what flows in and out, streaming.

A node is a frozen value; it computes nothing. Its two implementations (a torch module in `layers`,
a numpy one in `runtime`) are looked up by `kind` and must agree (tests/laws/test_parity.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from recurra.errors import SpecError

__all__ = ["AbstractNode", "Signal"]


@dataclass(frozen=True)
class Signal:
    """What flows along an edge, the batch axis left out.

    Args:
        axes: "steps" is [B, T, size]; "row" is [B, size] (the time axis is gone); "pieces" is
            [B, T, W], tokens of the W parts of each step; "memory" is
            [B, S, size], another sequence that every step may read; "alignment" is [B, T, S], a
            number for each place of a memory at each step.
        size: Width of the last axis; for tokens the number of different tokens; for lengths and
            alignments 1.
        dtype: "float"; or "token": whole numbers [B, T], 0 <= token < size; or "length": how many
            places of a memory count, whole numbers [B], 0 <= length <= S.
    """

    axes: Literal["steps", "row", "pieces", "memory", "alignment"]
    size: int
    dtype: Literal["float", "token", "length"] = "float"

    def __str__(self) -> str:
        if self.dtype == "token":
            axes = "[B, T, W]" if self.axes == "pieces" else "[B, T]"
            return f"tokens {axes} below {self.size}"
        if self.dtype == "length":
            return "lengths [B]"
        if self.axes == "memory":
            return f"a memory [B, S, {self.size}]"
        if self.axes == "alignment":
            return "an alignment [B, T, S]"
        return f"[B, T, {self.size}]" if self.axes == "steps" else f"[B, {self.size}]"


@dataclass(frozen=True, kw_only=True)
class AbstractNode:
    """The base of all nodes. `kind` names the node in the file; `arity` counts its inputs."""

    kind: ClassVar[str]
    arity: ClassVar[int] = 1

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter, nested nodes included (`layers.0.input_weight`)."""
        return {}

    def state_slots(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every state slot, the batch axis left out; nested as `parameters`."""
        return {}

    def why_not_streaming(self) -> str | None:
        """None: one step at a time equals the whole sequence. Else the reason why it cannot."""
        return None

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """What comes out of these inputs.

        Raises:
            SpecError: the inputs are not what this node takes.
        """
        raise SpecError(f"{type(self).__name__} does not say what it puts out for {inputs}")

    def _require_positive(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise SpecError(f"{self.kind}: {name} must be a whole number >= 1, got {value!r}")

    def _require_rate(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
                raise SpecError(f"{self.kind}: {name} must be in [0, 1), got {value!r}")

    def _require_choice(self, name: str, choices: Sequence[str]) -> None:
        value = getattr(self, name)
        if value not in choices:
            known = ", ".join(choices)
            raise SpecError(f"{self.kind}: {name} must be one of {known}; got {value!r}")

    def _require_steps(self, inputs: tuple[Signal, ...], size: int) -> None:
        expected = Signal("steps", size)
        if inputs != (expected,):
            came = ", ".join(map(str, inputs)) or "nothing"
            raise SpecError(f"{self.kind} expected {expected}, got {came}")
