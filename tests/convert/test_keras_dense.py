"""Keras' Dense, at each step too, and ours compute the same, and give the same bits back."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recurra.convert import from_keras, to_keras
from recurra.errors import ConversionError
from recurra.layers.dense import Dense

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras runs on another backend"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
# Keras multiplies float64 in float32 on torch.
TOLERANCE = 3e-6


def timed(dense: Any) -> Any:
    """The layer at each step of x [B, T, 3], with weights in (-0.8, 0.8)."""
    layer = keras.layers.TimeDistributed(dense, dtype=dense.dtype_policy, name="steps")
    layer.build((None, None, 3))
    random = np.random.default_rng(0)
    layer.set_weights([random.uniform(-0.8, 0.8, w.shape) for w in layer.get_weights()])
    return layer


@given(
    units=st.integers(1, 4),
    activation=st.sampled_from(("linear", "tanh", "relu", "sigmoid", "hard_sigmoid", "softsign")),
    bias=st.booleans(),
    dtype=st.sampled_from(("float32", "float64")),
    alone=st.booleans(),
)
def test_values_agree_and_weights_come_back(
    units: int, activation: str, bias: bool, dtype: str, alone: bool
) -> None:
    around = timed(keras.layers.Dense(units, activation, use_bias=bias, dtype=dtype))
    ours = from_keras(around.layer if alone else around)
    assert isinstance(ours, Dense)
    x = np.random.default_rng(1).normal(size=(2, 5, 3)).astype(dtype)
    theirs = around(x)
    y = ours(torch.from_numpy(x))[0]
    # Keras may give float32 of float64.
    torch.testing.assert_close(y, theirs, rtol=0, atol=TOLERANCE, check_dtype=False)
    back = to_keras(ours)
    wanted, came = around.get_weights(), back.get_weights()
    assert [w.tobytes() for w in came] == [w.tobytes() for w in wanted]
    torch.testing.assert_close(back(x), theirs, rtol=0, atol=TOLERANCE, check_dtype=False)


def test_frozen_weights_stay_frozen() -> None:
    layer = timed(keras.layers.Dense(2))
    layer.layer.trainable = False
    ours = from_keras(layer)
    assert not any(parameter.requires_grad for parameter in ours.parameters())
    assert not to_keras(ours).trainable


def test_what_acts_in_training_only_is_left_out_by_name() -> None:
    layer = timed(keras.layers.Dense(2, kernel_regularizer="l2"))
    with pytest.raises(ConversionError, match=r"'steps' has kernel_regularizer=L2, .* inference="):
        from_keras(layer)
    assert from_keras(layer, inference=True).node.output_size == 2


def test_what_ours_cannot_hold_is_refused() -> None:
    """Another layer at each step, an activation, no weights, LoRA, a Dense among others."""
    inner = keras.layers.TimeDistributed(keras.layers.LSTM(2), name="steps")
    with pytest.raises(ConversionError, match="'steps' runs a LSTM at each step: ours run a Dense"):
        from_keras(inner)
    with pytest.raises(ConversionError, match="Keras' Dense has activation='softmax'"):
        from_keras(timed(keras.layers.Dense(2, "softmax")))
    with pytest.raises(ConversionError, match="no weights yet"):
        from_keras(keras.layers.TimeDistributed(keras.layers.Dense(2)))
    with pytest.raises(ConversionError, match="weights of float16"):
        from_keras(timed(keras.layers.Dense(2, dtype="float16")))
    layer = timed(keras.layers.Dense(2))
    layer.layer.enable_lora(1)
    with pytest.raises(ConversionError, match=r"has 4 arrays, where a Dense has .* merge its LoRA"):
        from_keras(layer)
    gru = keras.layers.GRU(3, return_sequences=True)
    gru.build((None, None, 3))
    with pytest.raises(ConversionError, match=r"got keras.*TimeDistributed: convert it on its own"):
        from_keras([gru, timed(keras.layers.Dense(2))])
