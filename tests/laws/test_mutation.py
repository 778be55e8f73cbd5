"""Law: the oracle's comparison fails for a backend that swaps z and 1 - z, or any two gates."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest
import torch
from draws import (
    BACKENDS,
    CELLS,
    GATES,
    TOLERANCE,
    Cell,
    choices_of,
    disagreement,
    make,
    with_arrays,
)
from torch import Tensor

from recurra.ops.call import Call

WEIGHTS = ("input_weight", "recurrent_weight", "input_bias", "recurrent_bias")


def on_blocks(change: Callable[[list[Tensor]], None], count: int) -> Callable[[Call], Call]:
    """The mistake of taking other gate blocks than were given."""

    def mutate(call: Call) -> Call:
        changed = {}
        for name in [name for name in WEIGHTS if name in call.arrays]:
            blocks = list(call.arrays[name].chunk(count))
            change(blocks)
            changed[name] = torch.cat(blocks)
        return with_arrays(call, **changed)

    return mutate


def swap(first: int, second: int) -> Callable[[list[Tensor]], None]:
    def change(blocks: list[Tensor]) -> None:
        blocks[first], blocks[second] = blocks[second], blocks[first]

    return change


def negate(which: int) -> Callable[[list[Tensor]], None]:
    """sigmoid(-a) = 1 - sigmoid(a)."""

    def change(blocks: list[Tensor]) -> None:
        blocks[which] = -blocks[which]

    return change


MUTATIONS = [
    pytest.param(cell, swap(a, b), id=f"{cell}: {gates[a]} and {gates[b]} swapped")
    for cell, gates in GATES.items()
    for a, b in combinations(range(len(gates)), 2)
] + [
    pytest.param(cell, negate(gates.index("update")), id=f"{cell}: z and 1 - z swapped")
    for cell, gates in GATES.items()
    if "update" in gates
]


def case(cell: Cell, dtype: torch.dtype) -> Call:
    family, reset = cell
    names = ("input_bias", "recurrent_bias", "lengths")
    return make(family, choices_of(family, reset), names=names, dtype=dtype)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(("cell", "change"), MUTATIONS)
def test_a_swapped_gate_is_found(
    cell: Cell, change: Callable[[list[Tensor]], None], dtype: torch.dtype, backend: str
) -> None:
    """By the values and by every gradient; each is far outside the tolerance, not at its edge."""
    mutate = on_blocks(change, len(GATES[cell]))
    far = disagreement(case(cell, dtype), backend, mutate)
    assert min(far.values()) > 100 * TOLERANCE[dtype]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_nothing_is_found_where_nothing_is_swapped(
    cell: Cell, dtype: torch.dtype, backend: str
) -> None:
    assert max(disagreement(case(cell, dtype), backend).values()) <= TOLERANCE[dtype]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_two_resets_are_told_apart(backend: str) -> None:
    def mutate(call: Call) -> Call:
        return Call(call.family, call.arrays, {**call.choices, "reset": "before"})

    far = disagreement(case(("gru", "after"), torch.float64), backend, mutate)
    assert far["y"] > 1e-3
