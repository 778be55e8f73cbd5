"""The arrays of a state by their paths, and whether given ones are what a state expects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import StateError
from recurra.spec.state import flatten

__all__ = ["by_path", "matching"]

Array = npt.NDArray[Any]


def by_path(nodes: Mapping[str, Any]) -> dict[str, Array]:
    """Path -> array of every slot of a network's state, in running order."""
    return {f"{name}.{path}": slot for name, own in nodes.items() for path, slot in flatten(own)}


def matching(
    wanted: Mapping[str, Array], given: Mapping[str, Array], part: str
) -> dict[str, Array]:
    """Copies of the given slots, in the order of the wanted ones, checked against them.

    Raises:
        StateError: a slot is missing, unknown, or of another shape or dtype.
    """
    if set(given) != set(wanted):
        wrong = sorted(map(str, set(given) ^ set(wanted)))
        raise StateError(f"the state's {part} slots are missing or unknown: {', '.join(wrong)}")
    for name, slot in wanted.items():
        came = given[name]
        if not isinstance(came, np.ndarray) or (came.shape, came.dtype) != (slot.shape, slot.dtype):
            raise StateError(
                f"{part} slot {name!r} expected {list(slot.shape)} in {slot.dtype}, "
                f"got {getattr(came, 'shape', came)} {getattr(came, 'dtype', '')}"
            )
    return {name: np.array(given[name], order="C") for name in wanted}
