"""The LSTM kernel computes the published equations, and notices when two gates are exchanged."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from recurra.kernels import lstm

WEIGHTS = ("input_weight", "recurrent_weight", "input_bias", "recurrent_bias")


def whole(make_call):
    return make_call(
        "lstm",
        np.random.default_rng(0),
        (5, 7, 4, 19),
        options=frozenset(["input_bias", "recurrent_bias"]),
    )


def test_it_is_pytorchs_lstm(make_call):
    case = whole(make_call)
    theirs = torch.nn.LSTM(4, 19, batch_first=True, dtype=torch.float64)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    with torch.no_grad():
        for name, ours in zip(names, WEIGHTS, strict=True):
            getattr(theirs, name).copy_(torch.from_numpy(case[ours]))
    x = torch.from_numpy(case["x"]).requires_grad_()
    h0, c0 = (torch.from_numpy(case[n][None]).requires_grad_() for n in ("h0", "c0"))
    y, (h, c) = theirs(x, (h0, c0))
    rng = np.random.default_rng(1)
    given = [rng.standard_normal(a.shape) for a in (y, h[0], c[0])]
    torch.autograd.backward((y, h[0], c[0]), [torch.from_numpy(a) for a in given])
    result = case.forward(keep=True)
    ours = case.backward(result.kept, given)
    pairs = [(result.y, y.detach()), (result.h, h[0].detach()), (result.c, c[0].detach())]
    pairs += [(ours.x, x.grad), (ours.h0, h0.grad[0]), (ours.c0, c0.grad[0])]
    pairs += [
        (getattr(ours, mine), getattr(theirs, name).grad)
        for name, mine in zip(names, WEIGHTS, strict=True)
    ]
    for mine, other in pairs:
        np.testing.assert_allclose(mine, other.numpy(), rtol=0, atol=1e-11)


def test_exchanging_two_gates_changes_the_result(make_call):
    case = whole(make_call)
    expected = case.forward().y
    for first, second in itertools.combinations(range(4), 2):
        order = list(range(4))
        order[first], order[second] = order[second], order[first]
        swapped = {n: case[n].reshape(4, 19, -1)[order].reshape(case[n].shape) for n in WEIGHTS}
        assert np.abs(case.but(**swapped).forward().y - expected).max() > 0.01


def test_zoneout_of_the_cell_leaves_the_new_output_as_it_was(make_call):
    """Krueger et al. 2017: h is of the new c, before zoneout takes its share of it."""
    case = make_call("lstm", np.random.default_rng(4), (3, 1, 2, 5))
    plain = case.forward()
    held = case.but(zoneout_c=np.zeros((3, 1, 5))).forward()
    assert (held.c == case["c0"]).all()
    np.testing.assert_array_equal(held.h, plain.h)


def test_what_is_kept_is_as_long_as_workspace_says(make_call, each_isa):
    for dtype in ("float32", "float64"):
        case = make_call("lstm", np.random.default_rng(2), (3, 5, 2, 17), dtype=dtype)
        assert case.forward(keep=True).kept.shape == (lstm.workspace(3, 5, 17, dtype=dtype),)
