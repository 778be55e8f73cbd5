"""A pool is last, mean and maximum of the steps that count, as written out by hand."""

from typing import Any

import numpy as np
import pytest

from recurra.runtime.nodes.pool import NumpyPool
from recurra.spec.nodes import POOLS, Pool

ALL: dict[str, Any] = {"lengths": None, "valid": None, "starts": None}


def make(*modes: str, dtype: str = "f4", size: int = 1) -> NumpyPool:
    return NumpyPool(Pool(size=size, modes=modes), {}, np.dtype(dtype))


def pooled(node: NumpyPool, x: np.ndarray, **steps: Any) -> list[list[float]]:
    return node(x, node.initial_state(len(x)), **ALL | steps)[0].tolist()


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[None, :, None]


def test_the_modes_stand_in_the_contracts_order_whatever_their_order_is() -> None:
    x = column(1, 8, 3)
    assert pooled(make("max", "last", "mean"), x) == [[3, 4, 8]]
    assert pooled(make(*POOLS), x) == [[3, 4, 8]]
    assert pooled(make("mean"), x) == [[4]]


def test_only_steps_that_count_take_part() -> None:
    x = np.array([[[1], [np.nan], [3]], [[-2], [-4], [np.inf]]], np.float32)
    steps = {"lengths": np.array([3, 2]), "valid": np.array([[True, False, True], [True] * 3])}
    assert pooled(make(*POOLS), x, **steps) == [[3, 2, 3], [-4, -3, -2]]


def test_no_step_gives_zeros() -> None:
    assert pooled(make(*POOLS), column(5), valid=np.array([[False]])) == [[0, 0, 0]]
    assert pooled(make(*POOLS), column()) == [[0, 0, 0]]


def test_a_start_forgets_even_at_a_step_that_is_skipped_but_not_in_the_padding() -> None:
    x = column(9, 7, 2, 4)
    node = make(*POOLS)
    starts = np.array([[False, False, True, False]])
    assert pooled(node, x, starts=starts) == [[4, 3, 4]]
    skipped = np.array([[True, True, False, True]])
    assert pooled(node, x, starts=starts, valid=skipped) == [[4, 4, 4]]
    assert pooled(node, x, starts=starts, lengths=np.array([2])) == [[7, 8, 9]]


def test_a_mean_of_many_steps_does_not_drift() -> None:
    node = make("mean")
    x = np.full((1, 20_000, 1), 0.1, np.float32)
    (mean,) = pooled(node, x)
    assert mean == [np.float32(0.1)]


def test_nan_at_a_step_that_counts_stays() -> None:
    assert np.isnan(pooled(make(*POOLS), column(1, np.nan, 2))[0][1:]).all()


@pytest.mark.parametrize("size", [1, 3, 8, 17])
def test_signs_of_zero_do_not_depend_on_neighbours(size: int) -> None:
    random = np.random.default_rng(0)
    x = random.choice([0.0, -0.0], (9, 6, size)).astype(np.float32)
    node = make("max", size=size)
    whole = node(x, node.initial_state(9), **ALL)[0]
    for b in range(9):
        alone = node(x[b : b + 1], node.initial_state(1), **ALL)[0]
        assert alone.tobytes() == whole[b : b + 1].tobytes()
