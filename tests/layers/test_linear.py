"""Linear is W x + b at every step that counts, and reads nothing elsewhere."""

from __future__ import annotations

import pytest
import torch

from recurra.errors import ShapeError, SpecError
from recurra.layers import Linear


def test_values_are_the_equation() -> None:
    """Steps and rows, with and without bias."""
    torch.manual_seed(0)
    for bias in (True, False):
        layer = Linear(3, 2, bias=bias, dtype=torch.float64)
        assert list(layer.state_dict()) == list(layer.node.parameters())
        if layer.bias is not None:
            torch.nn.init.normal_(layer.bias)
        x = torch.randn(4, 5, 3).double()
        b = 0.0 if layer.bias is None else layer.bias
        wanted = torch.einsum("bti,oi->bto", x, layer.weight) + b
        torch.testing.assert_close(layer(x)[0], wanted, rtol=0, atol=1e-12)
        torch.testing.assert_close(layer(x[:, 0])[0], wanted[:, 0], rtol=0, atol=1e-12)
        valid = torch.tensor([True, False, True, True])
        y, _ = layer.step(x[:, 1], layer.initial_state(4), valid=valid)
        torch.testing.assert_close(y[valid], wanted[valid, 1], rtol=0, atol=1e-12)
        assert not y[1].any()


def test_nothing_is_read_at_skipped_steps() -> None:
    """NaN there changes no output and no gradient, also of a loss that reads every output."""
    layer = Linear(3, 2)
    torch.nn.init.ones_(layer.bias)
    lengths, valid = torch.tensor([4, 2]), torch.ones(2, 4, dtype=torch.bool)
    valid[0, 1] = False
    results = []
    for filler in (0.0, float("nan")):
        torch.manual_seed(0)
        x = torch.randn(2, 4, 3)
        x[0, 1], x[1, 2:] = filler, filler
        x.requires_grad_()
        y, _ = layer(x, lengths=lengths, valid=valid)
        results.append((y, torch.autograd.grad(y.sum(), (x, *layer.parameters()))))
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=0)
    y, gradients = results[0]
    assert not y[0, 1].any()
    assert not y[1, 2:].any()
    # Five steps count, and only they pull the bias.
    assert gradients[2].tolist() == [5.0, 5.0]


def test_the_weight_begins_glorot_uniform() -> None:
    """Inside sqrt(6 / (I + O)), with that distribution's variance; the bias at zero."""
    torch.manual_seed(0)
    layer = Linear(100, 200)
    limit = (6 / 300) ** 0.5
    assert 0.99 * limit < layer.weight.abs().max().item() <= limit
    assert layer.weight.var().item() == pytest.approx(limit**2 / 3, rel=0.05)
    assert not layer.bias.any()


def test_what_does_not_fit_is_refused() -> None:
    """Other widths, and steps said of a row."""
    layer = Linear(3, 2)
    with pytest.raises(ShapeError, match=r"Linear expected x \[B, T, I=3\] or \[B, I=3\]"):
        layer(torch.zeros(2, 4))
    with pytest.raises(ShapeError, match="row"):
        layer(torch.zeros(2, 3), lengths=torch.tensor([1, 1]))
    with pytest.raises(ShapeError, match="Linear expected lengths"):
        layer(torch.zeros(2, 4, 3), lengths=torch.tensor([1]))
    with pytest.raises(SpecError, match="output_size"):
        Linear(3, 0)
