"""The simple network's kernel is PyTorch's nn.RNN, for both of its activations."""

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
