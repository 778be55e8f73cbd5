"""The loop in PyTorch is the recurrence, step by step, and dropout reaches each gate by itself."""

from __future__ import annotations

import time
from typing import Any

import keras
import pytest
import torch

from recurra.keras import GRU, LSTM, SimpleRNN
from recurra.keras.scan import Step, scanned, step_gru, step_lstm, step_rnn

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras runs on another backend"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
# h_t = 2 h_{t-1} + x_t: every order and every mask gives other numbers.
DOUBLE = Step(project=lambda x: (x,), advance=lambda states, x: (2 * states[0] + x,))
X = torch.tensor([1.0, 10.0, 100.0])[None, :, None]
ZERO = [torch.zeros(1, 1)]


def test_order_and_mask() -> None:
    y, end = scanned(DOUBLE, X, ZERO, None, False)
    assert y.flatten().tolist() == [1, 12, 124]
    assert end[0].item() == 124
    y, _ = scanned(DOUBLE, X, ZERO, None, True)
    assert y.flatten().tolist() == [100, 210, 421]
    mask = torch.tensor([[True, False, True]])
    y, end = scanned(DOUBLE, X, ZERO, mask, False)
    assert y.flatten().tolist() == [1, 1, 102]


def by_gate(layer: Any, state: list[torch.Tensor], x: torch.Tensor, drops: Any) -> torch.Tensor:
    """The next h in float64, each gate's product on its own."""
    cell = layer.cell
    kernel, recurrent, bias = (torch.from_numpy(w).double() for w in cell.get_weights()[:3])
    units, of_x, of_h = cell.units, *drops
    gates = kernel.shape[1] // units
    bias = bias if bias.ndim == 2 else torch.stack((bias, torch.zeros_like(bias)))
    block = [slice(g * units, (g + 1) * units) for g in range(gates)]
    a = [(x * of_x[g]).double() @ kernel[:, block[g]] + bias[0, block[g]] for g in range(gates)]
    h = state[0].double()
    u = [(h * of_h[g]) @ recurrent[:, block[g]] + bias[1, block[g]] for g in range(gates)]
    if isinstance(layer, SimpleRNN):
        return torch.tanh(a[0] + u[0])
    if isinstance(layer, LSTM):
        i, f, o = (torch.sigmoid(a[g] + u[g]) for g in (0, 1, 3))
        return o * torch.tanh(f * state[1].double() + i * torch.tanh(a[2] + u[2]))
    z, r = (torch.sigmoid(a[g] + u[g]) for g in (0, 1))
    if layer.reset_after:
        n = torch.tanh(a[2] + r * u[2])
    else:
        n = torch.tanh(a[2] + (r * h * of_h[2]) @ recurrent[:, block[2]])
    return z * h + (1 - z) * n


@pytest.mark.parametrize(
    ("layer", "step", "gates"),
    [
        (GRU(3, bias_initializer="glorot_uniform"), step_gru, 3),
        (GRU(3, reset_after=False, bias_initializer="ones"), step_gru, 3),
        (LSTM(3, bias_initializer="ones"), step_lstm, 4),
        (SimpleRNN(3, bias_initializer="ones"), step_rnn, 1),
    ],
)
def test_each_gate_has_a_dropout_of_its_own(layer: Any, step: Any, gates: int) -> None:
    """One for all gates, one for each, and none, of inputs and of the state."""
    layer.build((None, None, 2))
    x, states = torch.randn(4, 1, 2), [torch.randn(4, 3) for _ in range(1 + (gates == 4))]
    for several in (True, False):
        drawn = [[torch.rand(4, n) for _ in range(gates)] for n in (2, 3)]
        if not several:
            drawn = [[one[0]] * gates for one in drawn]
        given = drawn if several else [one[0] for one in drawn]
        y, _ = scanned(step(layer.cell, *given), x, states, None, False)
        wanted = by_gate(layer, states, x[:, 0], drawn)
        torch.testing.assert_close(y[:, 0].double(), wanted, rtol=0, atol=2e-6)
    y, _ = scanned(step(layer.cell, None, None), x, states, None, False)
    ones = [[1.0] * gates] * 2
    torch.testing.assert_close(
        y[:, 0].double(), by_gate(layer, states, x[:, 0], ones), rtol=0, atol=2e-6
    )


def test_an_activation_sees_what_keras_shows_it() -> None:
    """A softmax along the units of one gate, not along all gates or rows at once."""
    both = []
    for source in (GRU, keras.layers.GRU):
        layer = source(3, recurrent_activation="softmax", activation="softmax", seed=1)
        layer.build((None, None, 2))
        both.append(layer)
    both[1].set_weights(both[0].get_weights())
    x = torch.randn(2, 4, 2)
    torch.testing.assert_close(both[0](x), both[1](x), rtol=0, atol=1e-6)


def test_nan_at_a_step_left_out_reaches_nothing() -> None:
    layer = GRU(3, activation="gelu")
    x = torch.randn(2, 4, 2)
    mask = torch.tensor([[True, False, True, True], [True, True, False, False]])
    clean = layer(x, mask=mask)
    x[~mask] = torch.nan
    x.requires_grad_()
    y = layer(x, mask=mask)
    torch.testing.assert_close(y, clean, rtol=0, atol=0)
    (dx,) = torch.autograd.grad(y.sum(), x)
    assert torch.isfinite(dx).all()


@pytest.mark.deep
@pytest.mark.parametrize("more", [{"recurrent_dropout": 0.3}, {"activation": "gelu"}])
def test_the_loop_is_not_slower_than_keras(more: dict[str, Any]) -> None:
    """Training with what the kernels do not have: processor time, [64, 300, 8] -> 64."""
    seconds = []
    x = torch.randn(64, 300, 8)
    for source in (GRU, keras.layers.GRU):
        layer = source(64, **more)
        layer.build(x.shape)
        weights = [variable.value for variable in layer.trainable_variables]
        tries = []
        for _ in range(3):
            began = time.process_time()
            torch.autograd.grad(layer(x, training=True).sum(), weights)
            tries.append(time.process_time() - began)
        seconds.append(min(tries))
    assert seconds[0] < seconds[1]
