"""The LSTM computes its equations on either way; its forget bias begins at one."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest

from recurra.keras import LSTM

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras runs on another backend"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def test_both_ways_are_the_equations() -> None:
    layer = LSTM(3, return_state=True)
    x = np.random.default_rng(0).normal(size=(2, 7, 4)).astype("f4")
    layer(x)
    kernel, recurrent, bias = (np.array(w, float) for w in layer.get_weights()[:3])
    h = c = np.zeros((2, 3))
    for t in range(7):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        i, f, o = (1 / (1 + np.exp(-a)) for a in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
    for _ in range(2):
        for came, wanted in zip(layer(x), (h, h, c), strict=True):
            np.testing.assert_allclose(came.detach(), wanted, atol=1e-6)
        layer._why_not = lambda training: "the other way is asked for"


@pytest.mark.parametrize("unit", [True, False])
def test_unit_forget_bias_is_how_it_begins(unit: bool) -> None:
    layer = LSTM(2, unit_forget_bias=unit)
    layer.build((None, None, 1))
    assert layer.get_weights()[2].tolist() == [0, 0, *([1, 1] if unit else [0, 0]), 0, 0, 0, 0]


def test_the_signature_is_keras_own() -> None:
    assert inspect.signature(LSTM) == inspect.signature(keras.layers.LSTM)
