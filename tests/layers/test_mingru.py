"""The minGRU layer is its published equations, and nothing in its gates knows the state."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from recurra.errors import BackendError
from recurra.layers import MinGRU
from recurra.spec.state import MinGRUState


def layer_of(**choices: Any) -> MinGRU:
    torch.manual_seed(3)
    layer = MinGRU(3, 4, dtype=torch.float64, **choices)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return layer


@pytest.mark.parametrize("activation", ["identity", "tanh"])
def test_values_are_the_equations(activation: Any) -> None:
    layer = layer_of(activation=activation)
    W, b = layer.parameters()
    x, h = torch.randn(2, 5, 3).double(), torch.randn(2, 4).double()
    y, end = layer(x, MinGRUState(h))
    for t in range(5):
        update, candidate = (x[:, t] @ W.T + b).chunk(2, 1)
        z = torch.sigmoid(update)
        h = (1 - z) * h + z * (torch.tanh(candidate) if activation == "tanh" else candidate)
        torch.testing.assert_close(y[:, t], h, rtol=0, atol=1e-12)
    torch.testing.assert_close(end.h, h, rtol=0, atol=1e-12)


def test_the_identity_is_the_default() -> None:
    """The paper's vanilla form: what enters is not squashed."""
    layer = layer_of()
    assert layer.node.activation == "identity"
    with torch.no_grad():
        layer.input_bias[:4] = 50.0
        layer.input_bias[4:] = 7.0
        layer.input_weight.zero_()
    assert torch.equal(layer(torch.zeros(1, 1, 3).double())[0], torch.full((1, 1, 4), 7.0).double())


def test_it_is_linear_in_its_state() -> None:
    """Two states apart stay apart by the product of 1 - z: no gate reads them."""
    layer, x = layer_of(), torch.randn(2, 5, 3).double()
    states = [torch.randn(2, 4).double() for _ in range(2)]
    (first, _), (second, _) = (layer(x, MinGRUState(state)) for state in states)
    keep = 1 - torch.sigmoid((x @ layer.input_weight.T + layer.input_bias)[..., :4])
    expected = (states[0] - states[1])[:, None] * keep.cumprod(1)
    torch.testing.assert_close(first - second, expected, rtol=0, atol=1e-12)


def test_two_gates_swapped_are_noticed() -> None:
    layer, x = layer_of(), torch.randn(2, 5, 3).double()
    wanted = layer(x)[0]
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.cat(parameter.chunk(2)[::-1]))
    assert (layer(x)[0] - wanted).abs().max() > 1e-2


def test_torch_has_none() -> None:
    with pytest.raises(BackendError, match="torch has no minGRU"):
        MinGRU(3, 4, backend="torch")(torch.zeros(1, 2, 3))
    with pytest.raises(TypeError, match="weight_dropout"):
        MinGRU(3, 4, weight_dropout=0.1)  # type: ignore[call-arg] # the wrong word is what is tested
