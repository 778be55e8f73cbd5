"""From an encoder to a decoder: one row of numbers is where the decoder's state begins."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from recurra.errors import ShapeError
from recurra.spec.graph import Graph
from recurra.spec.state import map_arrays

__all__ = ["bridge_size", "bridged"]


def bridge_size(graph: Graph) -> int:
    """How many numbers the state of one row of a graph holds."""
    return sum(math.prod(shape) for shape in graph.state_slots().values())


def bridged(
    row: Any, state: Mapping[str, Any], dense: Callable[[Any], Any] = lambda part: part
) -> dict[str, Any]:
    """A state of which each slot is its part of the row, in the order of `Graph.state_slots`.

    Args:
        row: [B, size], of either side.
        state: Gives the structure: `initial_state(B)` of the graph.
        dense: What makes a slot that a kernel can read out of a part of the row.

    Raises:
        ShapeError: the row is not as wide as the state.
    """
    begin = 0

    def part(slot: Any) -> Any:
        nonlocal begin
        end = begin + slot.shape[1]
        found, begin = row[:, begin:end], end
        return dense(found)

    filled = {name: map_arrays(part, slots) for name, slots in state.items()}
    if begin != row.shape[1]:
        raise ShapeError(f"a state of {begin} numbers expected a row [B, {begin}], got {row.shape}")
    return filled
