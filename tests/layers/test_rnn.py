"""The RNN layer is h_t = f(W x_t + b + U h_{t-1} + c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.errors import SpecError
from recurra.layers import RNN
from recurra.spec.state import RNNState

FUNCTIONS: dict[Any, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": lambda a: 1 / (1 + torch.exp(-a)),
    "hard_sigmoid": lambda a: (a / 6 + 0.5).clamp(0, 1),
    "hard_tanh": lambda a: a.clamp(-1, 1),
    "softsign": lambda a: a / (1 + a.abs()),
    "identity": lambda a: a,
}


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_values_are_the_equation(activation: Any) -> None:
    """Outputs and final state are those of a loop written from the equation, for every f."""
    torch.manual_seed(3)
    layer = RNN(3, 4, activation=activation, dtype=torch.float64)
    x, h = torch.randn(2, 5, 3).double(), torch.randn(2, 4).double()
    with torch.no_grad():
        layer.recurrent_bias.normal_()
    W, U, b, c = layer.parameters()
    y, end = layer(x, RNNState(h))
    for t in range(5):
        h = FUNCTIONS[activation](x[:, t] @ W.T + b + h @ U.T + c)
        torch.testing.assert_close(y[:, t], h, rtol=0, atol=1e-12)
    torch.testing.assert_close(end.h, h, rtol=0, atol=1e-12)


def test_an_irnn_adds_up_what_it_sees() -> None:
    """relu with identity recurrent weights accumulates positive inputs (Le et al. 2015)."""
    layer = RNN(2, 2, activation="relu", recurrent_init="identity")
    with torch.no_grad():
        layer.input_weight.copy_(torch.eye(2))
    x = torch.rand(1, 6, 2)
    torch.testing.assert_close(layer(x)[0], x.cumsum(1))


@pytest.mark.parametrize("bias_init", ["gate", "chrono"])
def test_it_has_no_gate_to_open(bias_init: Any) -> None:
    """A bias initialiser for gates is refused, not ignored."""
    with pytest.raises(SpecError, match="rnn has no gate"):
        RNN(3, 4, bias_init=bias_init)
