"""The simple network's kernel is PyTorch's nn.RNN, and its activations are exact at their ends."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recurra.kernels import rnn

WEIGHTS = ("input_weight", "recurrent_weight", "input_bias", "recurrent_bias")


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_it_is_pytorchs_rnn(make_call, activation):
    case = make_call(
        "rnn",
        np.random.default_rng(0),
        (5, 7, 4, 19),
        choices={"activation": activation},
        options=frozenset(["input_bias", "recurrent_bias"]),
    )
    theirs = torch.nn.RNN(4, 19, batch_first=True, nonlinearity=activation, dtype=torch.float64)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    with torch.no_grad():
        for name, ours in zip(names, WEIGHTS, strict=True):
            getattr(theirs, name).copy_(torch.from_numpy(case[ours]))
    x = torch.from_numpy(case["x"]).requires_grad_()
    y, h = theirs(x, torch.from_numpy(case["h0"][None]))
    dy, dh = np.random.default_rng(1).standard_normal(y.shape), np.zeros((5, 19))
    y.backward(torch.from_numpy(dy))
    result = case.forward(keep=True)
    ours = case.backward(result.kept, [dy, dh])
    pairs = [(result.y, y.detach()), (result.h, h[0].detach()), (ours.x, x.grad)]
    pairs += [
        (getattr(ours, mine), getattr(theirs, name).grad)
        for name, mine in zip(names, WEIGHTS, strict=True)
    ]
    for mine, other in pairs:
        np.testing.assert_allclose(mine, other.numpy(), rtol=0, atol=1e-11)


def test_what_is_kept_is_as_long_as_workspace_says(make_call, each_isa):
    for dtype in ("float32", "float64"):
        case = make_call("rnn", np.random.default_rng(2), (3, 5, 2, 17), dtype=dtype)
        assert case.forward(keep=True).kept.shape == (rnn.workspace(3, 5, 17, dtype=dtype),)


def activated(activation, x):
    """The activation of each value alone: one unit, input weight 1, recurrent weight 0."""
    one, zero = np.ones((1, 1), x.dtype), np.zeros((1, 1), x.dtype)
    state = np.zeros((len(x), 1), x.dtype)
    return rnn.forward(x[:, None, None], state, one, zero, activation=activation).h[:, 0]


EXACT = {"tanh": np.tanh, "sigmoid": lambda x: 0.5 + 0.5 * np.tanh(0.5 * x)}
# As native/include/recurra/gru.h states them.
BOUNDS = {("tanh", "f4"): 4e-7, ("sigmoid", "f4"): 2e-7, ("tanh", "f8"): 4e-16}
BOUNDS["sigmoid", "f8"] = 4e-16


@pytest.mark.parametrize("activation", EXACT)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_activations_keep_their_error_bound_over_the_whole_range(each_isa, activation, dtype):
    """Every size of number, and densely where the curve bends."""
    rng = np.random.default_rng(3)
    limit = np.log10(float(np.finfo(dtype).max))
    sizes = 10 ** rng.uniform(-limit + 1, limit, 50_000)
    x = np.concatenate([sizes, rng.uniform(0, 20, 300_000), np.linspace(7.9, 9.1, 50_000)])
    x = np.concatenate([x, -x]).astype(dtype)
    wide = x.astype(np.longdouble)
    error = np.abs(activated(activation, x) - EXACT[activation](wide)).max()
    assert error <= BOUNDS[activation, dtype]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_saturated_activations_are_exactly_at_their_ends(each_isa, dtype):
    """So that a saturated gate holds its state to the bit, and a bounded one is never exceeded."""
    end = {"f4": 9, "f8": 20}[dtype]
    large = np.array([end, end + 0.5, 100, 1e30, np.inf], dtype)
    np.testing.assert_array_equal(activated("tanh", large), 1)
    np.testing.assert_array_equal(activated("tanh", -large), -1)
    np.testing.assert_array_equal(activated("sigmoid", 2 * large), 1)
    np.testing.assert_array_equal(activated("sigmoid", -2 * large), 0)
    near = np.linspace(0, 2.2 * end, 200_001).astype(dtype)
    assert activated("tanh", near).max() == 1
    assert activated("sigmoid", near).max() == 1
    assert activated("sigmoid", -near).min() == 0
    # From one value to the next the curve may fall by its error bound, and at the end not at all.
    for activation in EXACT:
        falls = -np.diff(activated(activation, near).astype("f8")).min()
        assert falls <= 2 * BOUNDS[activation, dtype]


@pytest.mark.parametrize("activation", EXACT)
def test_nan_stays_nan_in_its_place(each_isa, activation):
    for dtype in ("f4", "f8"):
        x = np.array([1, np.nan, -3, -np.nan, 50], dtype)
        np.testing.assert_array_equal(np.isnan(activated(activation, x)), np.isnan(x))
