"""A state is a value: flat by path, mapped slot by slot, and bytes that carry their own hash."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from recurra.errors import StateError
from recurra.spec.state import (
    BidirectionalState,
    GRUDState,
    GRUState,
    LSTMState,
    PoolState,
    SessionState,
    StackState,
    flatten,
    map_arrays,
)

NESTED = StackState(
    (
        LSTMState(np.zeros(2), np.ones(2)),
        BidirectionalState(GRUState(np.full(1, 2.0)), GRUState(np.full(1, 3.0))),
        PoolState(np.zeros(1), None, np.ones(2), None),
    )
)


def test_slots_have_the_paths_of_the_graph() -> None:
    assert [path for path, _ in flatten(NESTED)] == [
        "layers.0.h",
        "layers.0.c",
        "layers.1.forward.h",
        "layers.1.backward.h",
        "layers.2.seen",
        "layers.2.mean",
    ]


def test_a_grud_remembers_values_and_times() -> None:
    state = GRUDState(np.zeros((2, 4)), np.ones((2, 3)), np.full((2, 3), 5.0))
    assert [path for path, _ in flatten(state)] == ["h", "last", "since"]


def test_a_mapped_state_keeps_its_structure() -> None:
    doubled = map_arrays(lambda a, b: a + b, NESTED, NESTED)
    assert type(doubled.layers[1].backward) is GRUState
    assert doubled.layers[1].backward.h.tolist() == [6.0]
    assert doubled.layers[2].last is None
    with pytest.raises(StateError, match="differ in structure"):
        map_arrays(lambda a, b: a, NESTED, StackState(NESTED.layers[:2]))


@pytest.fixture
def state() -> SessionState:
    return SessionState(
        fingerprint="ab" * 32,
        steps=12,
        clock=0.1,
        nodes={"gru.h": np.arange(3, dtype=np.float32), "pool.seen": np.array([[4.0]])},
        codec={"last": np.array([np.nan, -0.0])},
    )


def test_bytes_give_the_same_state_back(state: SessionState) -> None:
    for each in (state, replace(state, clock=None, nodes={}, codec={}), replace(state, clock=1e-9)):
        again = SessionState.from_bytes(each.to_bytes())
        assert again.same_as(each)
        assert again.clock == each.clock
        assert again.nodes.keys() == each.nodes.keys()


DIFFERENT: list[Callable[[SessionState], SessionState]] = [
    lambda s: replace(s, fingerprint="0" * 64),
    lambda s: replace(s, steps=13),
    lambda s: replace(s, clock=0.2),
    lambda s: replace(s, clock=None),
    lambda s: replace(s, version=0),
    lambda s: replace(s, codec={"last": np.array([np.nan, 0.0])}),
    lambda s: replace(s, codec={"last": np.array([np.nan, -0.0], np.float32)}),
    lambda s: replace(s, codec={}, decoder=s.codec),
    lambda s: replace(s, calibrator={"m": np.ones(1)}),
]


@pytest.mark.parametrize("change", DIFFERENT)
def test_states_that_differ_in_a_bit_are_not_the_same(
    state: SessionState, change: Callable[[SessionState], SessionState]
) -> None:
    assert not state.same_as(change(state))
    assert state.same_as(replace(state, nodes={n: a.copy() for n, a in state.nodes.items()}))


def test_damaged_bytes_are_refused(state: SessionState) -> None:
    raw, draw = state.to_bytes(), random.Random(0)
    for k in range(1500):
        broken = bytearray(raw)
        if k % 5 == 0:
            del broken[draw.randrange(len(raw)) :]
        else:
            broken[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)
        with pytest.raises(StateError):
            SessionState.from_bytes(bytes(broken))


def test_a_newer_version_says_so(state: SessionState) -> None:
    with pytest.raises(StateError, match="has version 2, this recurra reads up to 1: update"):
        SessionState.from_bytes(replace(state, version=2).to_bytes())
