"""Each output of the linear map is one sum in the order of the inputs, whatever the batch."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.errors import DTypeError, ShapeError
from recurra.kernels import linear


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("outputs", [1, 2, 16, 31, 33, 100])
def test_it_is_the_matrix_product(each_isa, dtype, outputs):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((11, 13)).astype(dtype)
    weight, bias = (rng.standard_normal(s).astype(dtype) for s in ((outputs, 13), (outputs,)))
    exact = x.astype(np.float64) @ weight.T.astype(np.float64)
    bound = 1e-5 if dtype == "float32" else 1e-14  # 13 roundings of numbers of a few units
    np.testing.assert_allclose(linear.forward(x, weight), exact, rtol=0, atol=bound)
    np.testing.assert_allclose(linear.forward(x, weight, bias), exact + bias, rtol=0, atol=bound)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_has_the_same_bits_alone_and_among_others(each_isa, dtype):
    rng = np.random.default_rng(1)
    x, weight = rng.standard_normal((37, 50)).astype(dtype), rng.standard_normal((45, 50))
    packed = linear.Packed(weight.astype(dtype))
    whole = packed.forward(x)
    for row in range(37):
        assert packed.forward(x[row : row + 1]).tobytes() == whole[row].tobytes()
    assert packed.forward(x[::-2]).tobytes() == whole[::-2].tobytes()


def test_the_sum_runs_in_the_order_of_the_inputs():
    """1e8 + 1 - 1e8 in float32 is 0 in that order and 1 in another."""
    weight = np.ones((1, 3), np.float32)
    assert linear.forward(np.float32([[1e8, 1, -1e8]]), weight)[0, 0] == 0
    assert linear.forward(np.float32([[1e8, -1e8, 1]]), weight)[0, 0] == 1


def test_it_writes_where_it_is_told():
    rng = np.random.default_rng(2)
    x, weight = rng.standard_normal((4, 3)), rng.standard_normal((5, 3))
    expected = linear.forward(x, weight)
    for out in (np.empty((4, 5)), np.empty((4, 10))[:, ::2], np.empty((5, 4)).T):
        assert linear.forward(x, weight, out=out) is out
        np.testing.assert_array_equal(out, expected)


def test_nan_stays_in_its_row():
    x = np.zeros((9, 4), np.float32)
    x[3, 1] = np.nan
    y = linear.forward(x, np.ones((6, 4), np.float32))
    assert np.isnan(y[3]).all()
    assert not y[np.arange(9) != 3].any()


def test_empty_axes_give_empty_results_or_the_bias():
    assert linear.forward(np.zeros((0, 3)), np.zeros((5, 3))).shape == (0, 5)
    assert linear.forward(np.zeros((2, 3)), np.zeros((0, 3))).shape == (2, 0)
    assert (linear.forward(np.zeros((2, 0)), np.zeros((5, 0)), np.ones(5)) == 1).all()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((np.zeros((2, 3)), np.zeros(3)), ShapeError, r"weight \[O, I\]"),
        ((np.zeros((2, 4)), np.zeros((5, 3))), ShapeError, "I=3"),
        ((np.zeros(3), np.zeros((5, 3))), ShapeError, "I=3"),
        ((np.zeros((2, 3)), np.zeros((5, 3)), np.zeros(4)), ShapeError, "O=5"),
        ((np.zeros((2, 3)), np.zeros((5, 3), np.float16)), DTypeError, "float16"),
        ((np.zeros((2, 3), np.float32), np.zeros((5, 3))), DTypeError, "float64"),
        ((np.zeros((2, 3)), np.zeros((5, 3)), None, np.zeros((2, 4))), ShapeError, "out"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        linear.forward(*arguments)
