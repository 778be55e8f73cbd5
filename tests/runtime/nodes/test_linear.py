"""A linear node is W x + b, each row by itself, on steps and on rows."""

import numpy as np

from recurra.runtime.nodes.linear import NumpyLinear
from recurra.spec.nodes import Linear


def test_it_is_the_product_of_steps_and_of_rows() -> None:
    random = np.random.default_rng(0)
    weights = {"weight": random.normal(size=(4, 3)), "bias": random.normal(size=4)}
    node = NumpyLinear(Linear(input_size=3, output_size=4), weights, np.dtype("f8"))
    x = random.normal(size=(2, 5, 3))
    y, _ = node(x, None, lengths=np.array([5, 2]), valid=None, starts=None)
    expected = np.einsum("bti,oi->bto", x, weights["weight"]) + weights["bias"]
    expected[1, 2:] = 0
    np.testing.assert_allclose(y, expected, rtol=1e-13, atol=1e-13)
    row, _ = node(x[:, 0], None, lengths=None, valid=None, starts=None)
    assert np.array_equal(row, y[:, 0])
    step, _ = node.step(x[:, 0], None, valid=np.array([True, False]), starts=None)
    assert np.array_equal(step[0], y[0, 0])
    assert not step[1].any()
