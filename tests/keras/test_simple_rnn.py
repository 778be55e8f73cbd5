"""The simple recurrent layer computes its equation on either way."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest

from recurra.keras import SimpleRNN

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras runs on another backend"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def test_both_ways_are_the_equation() -> None:
    layer = SimpleRNN(3, bias_initializer="ones")
    x = np.random.default_rng(0).normal(size=(2, 7, 4)).astype("f4")
    layer(x)
    kernel, recurrent, bias = (np.array(w, float) for w in layer.get_weights()[:3])
    h = np.zeros((2, 3))
    for t in range(7):
        h = np.tanh(x[:, t] @ kernel + h @ recurrent + bias)
    for _ in range(2):
        np.testing.assert_allclose(layer(x).detach(), h, atol=1e-6)
        layer._why_not = lambda training: "the other way is asked for"


def test_the_signature_is_keras_own() -> None:
    assert inspect.signature(SimpleRNN) == inspect.signature(keras.layers.SimpleRNN)
