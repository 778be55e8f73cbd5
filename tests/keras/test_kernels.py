"""On torch the kernels compute the layer, in full precision inside, whatever the policy's dtype."""

from __future__ import annotations

import keras
import pytest
import torch
from torch import nn

from recurra.keras import GRU, LSTM, SimpleRNN

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras runs on another backend"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.mark.parametrize("kind", [GRU, LSTM, SimpleRNN])
def test_float64_is_float64(kind: type) -> None:
    """Keras multiplies float64 in float32 on torch; here only the last bits are lost."""
    layer = kind(4, dtype="float64", return_sequences=True)
    x = torch.randn(2, 6, 3, dtype=torch.float64)
    y = layer(x)
    assert y.dtype == torch.float64
    kernel, recurrent, bias = (variable.value for variable in layer.trainable_variables)
    their_names = {"GRU": nn.GRU, "LSTM": nn.LSTM, "SimpleRNN": nn.RNN}
    theirs = their_names[kind.__name__](3, 4, batch_first=True).double()
    with torch.no_grad():
        weights = [kernel.T, recurrent.T]
        biases = list(bias) if kind is GRU else [bias, torch.zeros_like(bias)]
        arrays = [*weights, *biases]
        if kind is GRU:
            arrays = [torch.cat([a.chunk(3)[k] for k in (1, 0, 2)]) for a in arrays]
        for parameter, array in zip(theirs.parameters(), arrays, strict=True):
            parameter.copy_(array)
    torch.testing.assert_close(y, theirs(x)[0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16", "float16"])
@pytest.mark.parametrize("kind", [GRU, LSTM, SimpleRNN])
@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_half_precision_is_wide_inside(kind: type, policy: str, activation: str) -> None:
    """Outputs have the policy's dtype and are the float32 layer's, rounded; a loop rounds more."""
    short = {"dtype": policy, "recurrent_initializer": "glorot_uniform", "return_sequences": True}
    keras.utils.set_random_seed(0)
    layer = kind(4, activation=activation, **short)
    x = torch.randn(2, 6, 3)
    y = layer(x)
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    exact = kind(4, activation=activation, return_sequences=True)
    exact.build((None, None, 3))
    for variable, value in zip(exact.variables, layer.variables, strict=False):
        if "seed" not in variable.name:
            variable.assign(keras.ops.cast(value, "float32"))
    coarse = (2**-7 if "bfloat16" in policy else 2**-9) * (1 if activation == "tanh" else 4)
    torch.testing.assert_close(y.float(), exact(x), rtol=0, atol=coarse)
    y.float().sum().backward()
    assert all(v.value.grad is not None for v in layer.trainable_variables)


def test_what_a_mask_leaves_out_reaches_nothing() -> None:
    """NaN at a masked step changes no output and no gradient."""
    layer = GRU(3, reset_after=False, return_sequences=True)
    x = torch.randn(2, 4, 2)
    mask = torch.tensor([[True, False, True, True], [True, True, False, False]])
    clean = layer(x, mask=mask)
    x[~mask] = torch.nan
    x.requires_grad_()
    y = layer(x, mask=mask)
    torch.testing.assert_close(y, clean, rtol=0, atol=0)
    (dx,) = torch.autograd.grad(y.sum(), x)
    assert torch.isfinite(dx).all()
