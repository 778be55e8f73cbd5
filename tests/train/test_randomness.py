"""A training neither reads nor disturbs the caller's random states, and they can be put back."""

import random

import numpy as np
import pytest
import torch

from recurra.errors import StateError
from recurra.train.randomness import capture, isolated, restore


def draw() -> tuple[float, float, float]:
    return torch.rand(()).item(), random.random(), random.gauss(0, 1)


def test_restore_continues_where_capture_was() -> None:
    random.gauss(0, 1)  # leaves half of a pair behind, which is state too
    states = capture()
    wanted = [draw() for _ in range(3)]
    restore(states)
    assert [draw() for _ in range(3)] == wanted


def test_states_are_plain_arrays() -> None:
    states = capture()
    assert all(isinstance(array, np.ndarray) for array in states.values())
    assert states["torch"].dtype == np.uint8


def test_the_seed_alone_decides_inside_and_nothing_leaks_out() -> None:
    inside = []
    for disturbance in (0, 7):
        torch.manual_seed(disturbance)
        random.seed(disturbance)
        before = capture()
        with isolated(3):
            inside.append(draw())
        after = capture()
        assert all(np.array_equal(before[name], after[name]) for name in before)
    assert inside[0] == inside[1]


def test_an_error_inside_gives_the_states_back_too() -> None:
    before = torch.get_rng_state()
    with pytest.raises(IndexError), isolated(3):
        torch.rand(2)[2]
    assert torch.equal(before, torch.get_rng_state())


def test_states_of_another_machine_are_refused() -> None:
    with pytest.raises(StateError, match="where the training began"):
        restore({**capture(), "cuda_99": np.zeros(16, np.uint8)})
