"""The GRU computes its four equations on either way, and both ways agree."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
import torch

from recurra.keras import GRU

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras runs on another backend"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def by_hand(layer: GRU, x: np.ndarray) -> np.ndarray:
    """The four equations as they are printed, in float64."""
    kernel, recurrent, bias = (np.array(w, float) for w in layer.get_weights()[:3])
    inner, outer = (bias, np.zeros_like(bias)) if bias.ndim == 1 else (bias[0], bias[1])
    h, units = np.zeros((len(x), layer.units)), layer.units

    def sigmoid(a: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-a))

    for t in range(x.shape[1]):
        a, b = x[:, t] @ kernel + inner, h @ recurrent + outer
        z = sigmoid(a[:, :units] + b[:, :units])
        r = sigmoid(a[:, units : 2 * units] + b[:, units : 2 * units])
        if layer.reset_after:
            n = np.tanh(a[:, 2 * units :] + r * b[:, 2 * units :])
        else:
            n = np.tanh(a[:, 2 * units :] + (r * h) @ recurrent[:, 2 * units :])
        h = z * h + (1 - z) * n
    return h


@pytest.mark.parametrize("after", [True, False])
def test_both_ways_are_the_equations(after: bool) -> None:
    layer = GRU(3, reset_after=after, bias_initializer="glorot_uniform" if after else "ones")
    x = np.random.default_rng(0).normal(size=(2, 7, 4)).astype("f4")
    layer(x)
    wanted = by_hand(layer, x)
    np.testing.assert_allclose(layer(x).detach(), wanted, atol=1e-6)
    layer._why_not = lambda training: "the other way is asked for"
    np.testing.assert_allclose(layer(x).detach(), wanted, atol=1e-6)


def test_z_of_one_holds_the_state() -> None:
    """With the update bias far above zero nothing of the input enters."""
    layer = GRU(2, reset_after=False)
    layer.build((None, None, 2))
    weights = layer.get_weights()
    weights[2][:2] = 100.0
    layer.set_weights(weights)
    begin = torch.tensor([[0.5, -0.25]])
    assert torch.equal(layer(torch.randn(1, 9, 2), initial_state=begin), begin)


def test_the_signature_is_keras_own() -> None:
    assert inspect.signature(GRU) == inspect.signature(keras.layers.GRU)
