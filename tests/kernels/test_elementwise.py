"""An element's bits depend on that element alone, and a row's on that row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.kernels.elementwise import activated, elementwise, faded, log_softmax
from recurra.kernels.portable import ACTIVATIONS


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("function", [np.exp, np.tanh])
def test_an_element_alone_has_the_same_bits(function: Any, dtype: Any) -> None:
    """In a matrix, at its end, transposed or alone."""
    x = np.random.default_rng(0).normal(size=(7, 11)).astype(dtype) * 3
    whole = elementwise(function, x)
    assert whole.shape == x.shape
    assert whole.dtype == dtype
    np.testing.assert_allclose(whole, function(x.astype(np.float64)), rtol=1e-6)
    for place in np.ndindex(x.shape):
        alone = elementwise(function, x[place].reshape(1))
        assert alone.tobytes() == whole[place].tobytes()
    np.testing.assert_array_equal(elementwise(function, x.T), whole.T)
    assert elementwise(function, x[:0]).shape == (0, 11)


def test_log_softmax_is_normalised_and_steady() -> None:
    """Sums to 1, survives huge scores, keeps -inf, and a row alone has the same bits."""
    scores = np.random.default_rng(1).normal(size=(5, 9)).astype(np.float32) * 100
    scores[2, 3] = -np.inf
    found = log_softmax(scores)
    assert found.dtype == np.float64
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, rtol=1e-12)
    assert found[2, 3] == -np.inf
    wanted = scores.astype(np.float64)
    wanted = wanted - np.logaddexp.reduce(wanted, axis=1)[:, None]
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
    for k in range(len(scores)):
        assert log_softmax(scores[k : k + 1]).tobytes() == found[k].tobytes()
    assert log_softmax(np.asfortranarray(scores)).tobytes() == found.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*ACTIVATIONS, "faded"])
def test_the_kernels_own_functions_are_right_wherever_an_element_stands(
    name: str, dtype: Any, each_isa: str
) -> None:
    """Against float64, in a matrix, at its end and alone; NaN passes through."""

    def function(x: np.ndarray) -> np.ndarray:
        return faded(x) if name == "faded" else activated(name, x)

    def exact(x: np.ndarray) -> np.ndarray:
        return np.exp(-np.maximum(x, 0)) if name == "faded" else ACTIVATIONS[name](x)

    x = np.random.default_rng(0).normal(size=(7, 11)).astype(dtype) * 4
    x[3, 4], x[6, 10] = np.nan, 0
    before = x.copy()
    whole = function(x)
    assert whole.dtype == dtype
    np.testing.assert_array_equal(x, before)
    tight = 1e-6 if dtype == np.float32 else 2e-15
    np.testing.assert_allclose(whole, exact(x.astype(np.float64)), rtol=tight, atol=tight)
    for place in np.ndindex(x.shape):
        assert function(x[place].reshape(1)).tobytes() == whole[place].tobytes()
    np.testing.assert_array_equal(function(x.T), whole.T)
    assert function(x[:0]).shape == (0, 11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_fades_ends_at_one_and_at_zero(dtype: Any, each_isa: str) -> None:
    """Nothing grows; far out nothing is left, and no denormal number on the way."""
    ends = np.array([-np.inf, -1e30, -1, -0.0, 0.0, 1e30, np.inf], dtype)
    assert faded(ends).tolist() == [1, 1, 1, 1, 1, 0, 0]
    rates = np.linspace(0, 800, 100_001).astype(dtype)
    left = faded(rates)
    assert (np.diff(left) <= 0).all()
    assert ((left == 0) | (left >= np.finfo(dtype).tiny)).all()
    near = left > 0
    wanted = np.exp(-rates[near].astype(np.longdouble))
    worst = float((np.abs(left[near] - wanted) / wanted).max())
    assert worst < (2.5e-7 if dtype == np.float32 else 4.5e-16)
