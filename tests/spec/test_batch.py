"""A batch holds its cases side by side: values kept, zeros on the right, lengths true."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.errors import ShapeError
from recurra.spec.batch import Encoded, collate


def case(length: int, seed: int = 0, **more: Any) -> Encoded:
    random = np.random.default_rng(seed)
    steps = {
        "x": random.normal(size=(length, 2)).astype(np.float32),
        "tokens": random.integers(0, 9, length),
    }
    return Encoded(steps, {"y": np.array(seed, dtype=np.int64)}, **more)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5), st.integers(0, 3))
def test_every_value_is_kept_and_the_rest_is_zero(lengths: list[int], more: int) -> None:
    cases = [case(length, k) for k, length in enumerate(lengths)]
    index = list(reversed(range(len(cases))))
    batch = collate(cases, index, length=max(lengths) + more)
    assert len(batch) == len(cases)
    assert batch.index.tolist() == index
    assert batch.rows["y"].tolist() == index
    assert batch.lengths.tolist() == [lengths[i] for i in index]
    for row, i in enumerate(index):
        for name, array in cases[i].steps.items():
            padded = batch.steps[name]
            assert padded.dtype == array.dtype
            assert np.array_equal(padded[row, : lengths[i]], array)
            assert not padded[row, lengths[i] :].any()
            assert padded.shape[1] == max(lengths) + more
    assert batch.observed is None
    assert batch.elapsed is None


def test_observed_and_elapsed_are_padded_too() -> None:
    cases = [
        case(n, observed=np.ones((n, 2), dtype=bool), elapsed=np.arange(1.0, n + 1)) for n in (1, 3)
    ]
    batch = collate(cases, [0, 1])
    assert batch.observed is not None
    assert batch.elapsed is not None
    assert batch.observed[0].tolist() == [[True, True], [False, False], [False, False]]
    assert batch.elapsed.tolist() == [[1.0, 0.0, 0.0], [1.0, 2.0, 3.0]]


def test_a_case_may_be_taken_twice() -> None:
    batch = collate([case(2)], [0, 0])
    assert np.array_equal(batch.steps["x"][0], batch.steps["x"][1])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match="at least one case, got none"):
        collate([case(2)], [])
    with pytest.raises(ShapeError, match="T=2 cannot hold a case of 3 steps"):
        collate([case(3)], [0], length=2)
    with pytest.raises(ShapeError, match="every case of a batch has observed/elapsed or none"):
        collate([case(1, elapsed=np.zeros(1)), case(1)], [0, 1])
    with pytest.raises(ShapeError, match=r"must share T, got \{'a': 1, 'b': 2\}"):
        _ = Encoded({"a": np.ones(1), "b": np.ones(2)}).length
