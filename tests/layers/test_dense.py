"""Dense is a(W x + b) at every step that counts, and reads nothing elsewhere."""

from __future__ import annotations

import pytest
import torch

from recurra.errors import ShapeError
from recurra.layers.dense import Dense


@pytest.mark.parametrize("bias", [True, False])
def test_values_are_the_equation(bias: bool) -> None:
    """Steps, one step, and rows."""
    torch.manual_seed(0)
    layer = Dense(3, 2, activation="relu", bias=bias, dtype=torch.float64)
    assert list(layer.state_dict()) == list(layer.node.parameters())
    x = torch.randn(4, 5, 3).double()
    b = 0.0 if layer.bias is None else torch.nn.init.normal_(layer.bias)
    wanted = torch.relu(torch.einsum("bti,oi->bto", x, layer.weight) + b)
    torch.testing.assert_close(layer(x)[0], wanted, rtol=0, atol=1e-12)
    torch.testing.assert_close(layer(x[:, 0])[0], wanted[:, 0], rtol=0, atol=1e-12)
    valid = torch.tensor([True, False, True, True])
    y, _ = layer.step(x[:, 1], layer.initial_state(4), valid=valid)
    torch.testing.assert_close(y[valid], wanted[valid, 1], rtol=0, atol=1e-12)
    assert not y[1].any()


def test_nothing_is_read_at_skipped_steps() -> None:
    """NaN there changes no output and no gradient."""
    layer = Dense(3, 2)
    results = []
    for filler in (0.0, float("nan")):
        torch.manual_seed(0)
        x = torch.randn(2, 4, 3)
        x[1, 2:] = filler
        x.requires_grad_()
        y, _ = layer(x, lengths=torch.tensor([4, 2]))
        results.append((y, torch.autograd.grad(y.sum(), (x, *layer.parameters()))))
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=0)
    assert not results[0][0][1, 2:].any()


def test_what_does_not_fit_is_refused() -> None:
    """Another width."""
    with pytest.raises(ShapeError, match=r"Dense expected x \[B, T, I=3\]"):
        Dense(3, 2)(torch.zeros(2, 4))
