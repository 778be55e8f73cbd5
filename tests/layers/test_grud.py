"""The layer is the paper's equations, gradients included, and its skipped steps are not read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from recurra import kernels
from recurra.errors import ShapeError, SpecError, StateError
from recurra.layers import GRU, GRUD, LSTM

C, H, B, T = 4, 5, 3, 9
BACKENDS = ("native", "reference") if kernels.backend() == "native" else ("reference",)


def make(backend: str = "auto", **choices: object) -> GRUD:
    torch.manual_seed(0)
    cell = GRU(2 * C, H, reset="before", dtype=torch.float64, backend=backend, **choices)
    layer = GRUD(cell, mean=torch.randn(C).double())
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn_like(parameter) / 2)
    return layer


def holes(seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    observed = rng.random((B, T, C)) < 0.4
    x = np.where(observed, rng.normal(size=observed.shape), np.nan)
    elapsed = rng.exponential(2.0, (B, T, 1))
    elapsed[:, 0] = 0.0
    return tuple(torch.from_numpy(a) for a in (x, observed, elapsed))


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-a))


def paper(layer: GRUD, x: np.ndarray, m: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Che et al. 2018, eq. 2-3 and 10-16, one row: x [T, C], flags m, times s [T] -> h [T, H].

    Written from the paper, whose update gate keeps the old h where it is 0, as ours does: h_t =
    (1 - z) h + z h~.
    """
    w = {name: value.numpy() for name, value in layer.state_dict().items()}
    w_r, w_z, w_h = np.split(w["cell.input_weight"][:, :C], 3)
    v_r, v_z, v_h = np.split(w["cell.input_weight"][:, C:], 3)
    u_r, u_z, u_h = np.split(w["cell.recurrent_weight"], 3)
    b_r, b_z, b_h = np.split(w["cell.input_bias"] + w["cell.recurrent_bias"], 3)
    h, delta, last = np.zeros(H), np.zeros(C), w["mean"].copy()
    out = []
    for t in range(len(x)):
        if t > 0:
            gap = s[t] - s[t - 1]
            delta = np.array([gap + (0.0 if m[t - 1, d] else delta[d]) for d in range(C)])
        gamma_x = np.exp(-np.maximum(0.0, w["input_decay_weight"] * delta + w["input_decay_bias"]))
        gamma_h = np.exp(
            -np.maximum(0.0, w["hidden_decay_weight"] @ delta + w["hidden_decay_bias"])
        )
        x_hat = np.array(
            [
                x[t, d] if m[t, d] else gamma_x[d] * last[d] + (1 - gamma_x[d]) * w["mean"][d]
                for d in range(C)
            ]
        )
        h = gamma_h * h
        z = sigmoid(w_z @ x_hat + u_z @ h + v_z @ m[t] + b_z)
        r = sigmoid(w_r @ x_hat + u_r @ h + v_r @ m[t] + b_r)
        candidate = np.tanh(w_h @ x_hat + u_h @ (r * h) + v_h @ m[t] + b_h)
        h = (1 - z) * h + z * candidate
        last = np.where(m[t], x[t], last)
        out.append(h)
    return np.stack(out)


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_is_the_paper(backend: str) -> None:
    layer = make(backend)
    x, observed, elapsed = holes()
    with torch.no_grad():
        y, end = layer(x, observed, elapsed)
    for row in range(B):
        times = elapsed[row, :, 0].cumsum(0).numpy()
        wanted = paper(layer, x[row].numpy(), observed[row].numpy(), times)
        np.testing.assert_allclose(y[row].numpy(), wanted, rtol=0, atol=1e-12)
    assert torch.equal(end.h, y[:, -1])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("input_decay_weight", lambda w: w.flip(0)),
        ("hidden_decay_weight", lambda w: w.flip(0)),
        ("mean", lambda w: w + 0.1),
        ("cell.input_weight", lambda w: torch.cat((w[:, C:], w[:, :C]), 1)),
    ],
)
def test_a_swapped_part_would_be_seen(name: str, change: object) -> None:
    """The comparison above has teeth."""
    layer = make()
    x, observed, elapsed = holes()
    wanted = paper(layer, x[0].numpy(), observed[0].numpy(), elapsed[0, :, 0].cumsum(0).numpy())
    with torch.no_grad():
        part = layer.state_dict()[name]
        part.copy_(change(part.clone()))
        y, _ = layer(x, observed, elapsed)
    assert np.abs(y[0].numpy() - wanted).max() > 1e-4


def test_gradients_are_those_of_the_reference() -> None:
    """Native and reference agree in every gradient, and finite differences agree with both."""
    found = []
    for backend in BACKENDS:
        layer = make(backend)
        x, observed, elapsed = holes()
        x, elapsed = x.requires_grad_(), elapsed.requires_grad_()
        y, end = layer(x, observed, elapsed)
        (y.square().sum() + end.last.sum() + end.since.square().sum()).backward()
        grads = {name: p.grad for name, p in layer.named_parameters()}
        found.append(grads | {"x": x.grad, "elapsed": elapsed.grad})
    for name, gradient in found[0].items():
        assert gradient is not None, name
        # Where nothing was observed nothing was read: no NaN comes back.
        assert bool(gradient.isfinite().all()), name
        assert bool(gradient.any()), name
        torch.testing.assert_close(gradient, found[-1][name], rtol=1e-10, atol=1e-10)
    layer, (x, observed, elapsed) = make("reference"), holes()

    def outputs(weight: Tensor, rate: Tensor, x: Tensor) -> Tensor:
        changed = {"hidden_decay_weight": weight, "input_decay_weight": rate}
        y, _ = torch.func.functional_call(layer, changed, (x, observed[:, :4], elapsed[:, :4]))
        return y

    inputs = [layer.hidden_decay_weight, layer.input_decay_weight, x[:, :4].nan_to_num()]
    fixed = [array.detach().clone().requires_grad_() for array in inputs]
    assert torch.autograd.gradcheck(outputs, fixed)


def test_a_sequence_may_be_cut_anywhere() -> None:
    layer = make(learn_initial_state=True)
    x, observed, elapsed = holes()
    with torch.no_grad():
        whole, end = layer(x, observed, elapsed)
        first, state = layer(x[:, :4], observed[:, :4], elapsed[:, :4])
        parts = [first]
        for t in range(4, T):
            y, state = layer.step(x[:, t], observed[:, t], elapsed[:, t], state)
            parts.append(y[:, None])
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-14)
    for ours, theirs in zip(state, end, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-14)


def test_skipped_steps_and_padding_reach_nothing() -> None:
    layer = make()
    x, observed, elapsed = holes()
    lengths, valid = torch.tensor([T, 0, 5]), torch.ones(B, T, dtype=torch.bool)
    valid[0, 3] = False
    starts = torch.zeros(B, T, dtype=torch.bool)
    starts[2, [2, 7]] = True
    steps = {"lengths": lengths, "valid": valid, "starts": starts}
    clean, end = layer(x, observed.double(), elapsed, **steps)
    skipped = ~(valid & (torch.arange(T) < lengths[:, None]))[:, :, None]
    nan = float("nan")
    spoilt, same = layer(
        x.masked_fill(skipped, nan),
        observed.double().masked_fill(skipped, nan),
        elapsed.masked_fill(skipped, nan),
        **steps,
    )
    assert torch.equal(spoilt, clean)
    assert all(torch.equal(a, b) for a, b in zip(same, end, strict=True))
    assert torch.equal(clean[0, 3], clean[0, 2])
    assert not clean[1].any()
    # A start begins at the means, with no time since.
    again, _ = layer(x[2:, 2:5], observed[2:, 2:5], elapsed[2:, 2:5])
    torch.testing.assert_close(clean[2:, 2:5], again, rtol=0, atol=1e-14)
    spoilt.sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in layer.parameters())


def test_no_steps_at_all_leave_the_state() -> None:
    layer = make()
    y, end = layer(*(array[:, :0] for array in holes()))
    assert y.shape == (B, 0, H)
    for ours, theirs in zip(end, layer.initial_state(B), strict=True):
        assert torch.equal(ours, theirs)


def test_the_means_are_kept_and_not_learnt() -> None:
    layer = make()
    assert "mean" in layer.state_dict()
    assert "mean" not in dict(layer.named_parameters())
    assert set(layer.state_dict()) == set(layer.node.parameters())


def test_every_decay_begins_with_a_gradient() -> None:
    layer = GRUD(GRU(2 * C, H, reset="before", dtype=torch.float64))
    assert not layer.mean.any()
    assert bool((layer.hidden_decay_weight > 0).all())
    assert bool((layer.input_decay_weight > 0).all())
    before = layer.hidden_decay_weight.clone()
    layer.reset_parameters()
    assert not torch.equal(before, layer.hidden_decay_weight)


def test_what_it_refuses() -> None:
    with pytest.raises(SpecError, match="expected cell to be a GRU, got LSTM"):
        GRUD(LSTM(4, 3))
    with pytest.raises(SpecError, match="input_size is even; got 3"):
        GRUD(GRU(3, 2))
    with pytest.raises(ShapeError, match=r"mean \[C=2\], got \[3\]"):
        GRUD(GRU(4, 2), mean=torch.zeros(3))
    layer, (x, observed, elapsed) = make(), holes()
    with pytest.raises(ShapeError, match=r"expected x \[B, T, C=4\], got \[3, 9, 3\]"):
        layer(x[:, :, :3], observed, elapsed)
    with pytest.raises(ShapeError, match=r"expected observed \[B, T, C=4\], got \[3, 8, 4\]"):
        layer(x, observed[:, 1:], elapsed)
    with pytest.raises(ShapeError, match=r"expected elapsed \[B, T, 1\], got \[3, 9\]"):
        layer(x, observed, elapsed[:, :, 0])
    with pytest.raises(StateError, match="GRUDState"):
        layer(x, observed, elapsed, layer.cell.initial_state(B))
