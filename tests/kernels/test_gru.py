"""The GRU kernel computes the published equations, and notices when two gates are exchanged."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recurra.kernels import gru

RESETS = ("after", "before", "none")


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def by_hand(case, reset):
    """Equations 3-6 of Chung et al. 2014, written out."""
    h, H = case["h0"], case["h0"].shape[1]
    W, U = case["input_weight"], case["recurrent_weight"]
    b, c = case["input_bias"], case["recurrent_bias"]
    names = ["z", "n"] if reset == "none" else ["r", "z", "n"]
    rows = {name: slice(i * H, (i + 1) * H) for i, name in enumerate(names)}
    outputs = []
    for t in range(case["x"].shape[1]):
        x = case["x"][:, t]

        def sums(name, state, x=x):
            return x @ W[rows[name]].T + b[rows[name]], state @ U[rows[name]].T + c[rows[name]]

        z = sigmoid(sum(sums("z", h)))
        r = sigmoid(sum(sums("r", h))) if reset != "none" else 1.0
        outer, inner = sums("n", r * h if reset == "before" else h)
        n = np.tanh(outer + (r * inner if reset == "after" else inner))
        h = h + z * (n - h)
        outputs.append(h)
    return np.stack(outputs, 1)


def whole(make_call, reset, seed=0):
    return make_call(
        "gru",
        np.random.default_rng(seed),
        (5, 7, 4, 19),
        choices={"reset": reset},
        options=frozenset(["input_bias", "recurrent_bias"]),
    )


@pytest.mark.parametrize("reset", RESETS)
def test_it_is_the_published_equation(make_call, reset):
    case = whole(make_call, reset)
    np.testing.assert_allclose(case.forward().y, by_hand(case, reset), rtol=0, atol=1e-13)


def test_it_is_pytorchs_gru_with_the_update_gate_negated(make_call):
    """PyTorch keeps the old state where z is 1: its z is 1 - ours, so its z weights are negated."""
    case = whole(make_call, "after")
    theirs = torch.nn.GRU(4, 19, batch_first=True, dtype=torch.float64)
    sign = np.repeat([1.0, -1.0, 1.0], 19)
    with torch.no_grad():
        for name, ours in (
            ("weight_ih_l0", "input_weight"),
            ("weight_hh_l0", "recurrent_weight"),
            ("bias_ih_l0", "input_bias"),
            ("bias_hh_l0", "recurrent_bias"),
        ):
            value = sign.reshape(-1, *[1] * (case[ours].ndim - 1)) * case[ours]
            getattr(theirs, name).copy_(torch.from_numpy(value))
    x = torch.from_numpy(case["x"]).requires_grad_()
    h0 = torch.from_numpy(case["h0"][None]).requires_grad_()
    y, h = theirs(x, h0)
    rng = np.random.default_rng(1)
    dy, dh = rng.standard_normal(y.shape), rng.standard_normal(h.shape[1:])
    torch.autograd.backward((y, h), (torch.from_numpy(dy), torch.from_numpy(dh[None])))
    result = case.forward(keep=True)
    ours = case.backward(result.kept, [dy, dh])
    for mine, other in (
        (result.y, y.detach()),
        (result.h, h[0].detach()),
        (ours.x, x.grad),
        (ours.h0, h0.grad[0]),
        (sign[:, None] * ours.input_weight, theirs.weight_ih_l0.grad),
        (sign[:, None] * ours.recurrent_weight, theirs.weight_hh_l0.grad),
        (sign * ours.input_bias, theirs.bias_ih_l0.grad),
        (sign * ours.recurrent_bias, theirs.bias_hh_l0.grad),
    ):
        np.testing.assert_allclose(mine, other.numpy(), rtol=0, atol=1e-11)


@pytest.mark.parametrize("reset", RESETS)
def test_exchanging_two_gates_changes_the_result(make_call, reset):
    """What a test of shapes would let pass."""
    case = whole(make_call, reset)
    gates = 2 if reset == "none" else 3
    expected = case.forward().y
    for first in range(gates):
        for second in range(first):
            order = list(range(gates))
            order[first], order[second] = order[second], order[first]
            swapped = {
                n: case[n].reshape(gates, 19, -1)[order].reshape(case[n].shape)
                for n in ("input_weight", "recurrent_weight", "input_bias", "recurrent_bias")
            }
            assert np.abs(case.but(**swapped).forward().y - expected).max() > 0.01


@pytest.mark.parametrize("gate_activation", ["sigmoid", "hard_sigmoid"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_update_gates_at_their_ends_hold_and_replace_exactly(make_call, gate_activation, dtype):
    """A saturated gate is 0 or 1: the state is then the old one, or the new, to the bit."""
    case = make_call(
        "gru", np.random.default_rng(0), (5, 7, 4, 19), dtype=dtype, choices={"reset": "none"}
    )
    bias = np.zeros(38, dtype)
    for end in (-1e3, 1e3):
        bias[:19] = end
        result = gru.forward(
            **case.but(input_bias=bias).arrays, reset="none", gate_activation=gate_activation
        )
        if end < 0:
            assert (result.y == case["h0"][:, None]).all()
        else:
            assert np.abs(result.y - case["h0"][:, None]).max() > 0.1


@pytest.mark.parametrize("reset", RESETS)
def test_what_is_kept_is_as_long_as_workspace_says(make_call, each_isa, reset):
    for dtype in ("float32", "float64"):
        case = make_call(
            "gru", np.random.default_rng(2), (3, 5, 2, 17), dtype=dtype, choices={"reset": reset}
        )
        assert case.forward(keep=True).kept.shape == (
            gru.workspace(3, 5, 17, reset=reset, dtype=dtype),
        )


def test_a_million_zeros_decay_without_slowing(make_call):
    """The state falls below the smallest normal number and is zero, not a denormal."""
    case = make_call(
        "gru",
        np.random.default_rng(3),
        (1, 2000, 1, 16),
        dtype="float32",
        choices={"reset": "none"},
    )
    silent = case.but(
        x=np.zeros_like(case["x"]), recurrent_weight=np.zeros_like(case["recurrent_weight"])
    )
    assert not silent.forward().h.any()
