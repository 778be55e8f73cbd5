"""A state's slots are found by their paths, and others than the wanted ones are refused."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.errors import StateError
from recurra.runtime.slots import by_path, matching
from recurra.spec.state import GRUState, LSTMState, PoolState, StackState

H = np.arange(6.0).reshape(2, 3)


def test_paths_name_step_layer_and_field() -> None:
    state = {
        "a": StackState((GRUState(H), LSTMState(H, H + 1))),
        "b": PoolState(H[:, :1], H, None, None),
    }
    assert list(by_path(state)) == [
        "a.layers.0.h",
        "a.layers.1.h",
        "a.layers.1.c",
        "b.seen",
        "b.last",
    ]
    assert by_path(state)["a.layers.1.c"] is not H


def test_what_matches_is_copied_in_order() -> None:
    wanted = {"h": H, "c": H}
    given = {"c": np.asfortranarray(H), "h": H + 1}
    found = matching(wanted, given, "node")
    assert list(found) == ["h", "c"]
    assert all(slot.flags.c_contiguous and slot is not given[n] for n, slot in found.items())
    assert np.array_equal(found["h"], H + 1)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "missing or unknown: h"),
        ({"h": H, "c": H}, "missing or unknown: c"),
        ({"h": H[:1]}, r"node slot 'h' expected \[2, 3\] in float64, got \(1, 3\)"),
        ({"h": H.astype(np.float32)}, "got .* float32"),
        ({"h": H.tolist()}, "node slot 'h' expected"),
    ],
)
def test_others_are_refused(given: dict[str, np.ndarray], reason: str) -> None:
    with pytest.raises(StateError, match=reason):
        matching({"h": H}, given, "node")
