"""An element's bits depend on that element alone, and a row's on that row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.kernels.elementwise import elementwise, log_softmax


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
