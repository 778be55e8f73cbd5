"""Keras 3 layers that run on recurra's kernels under Keras' torch backend, else on Keras' own loop.

    from recurra.keras import GRU, LSTM, SimpleRNN

Each takes the arguments of the layer of the same name in `keras.layers`, has the same weights, and
computes the same values and gradients. `layer.why()` says what computes it.
"""

from __future__ import annotations

from recurra.errors import DependencyError

try:
    import keras as _keras
except ImportError as error:
    raise DependencyError(
        f'Keras cannot be loaded ({error}): pip install "recurra[keras]", and set KERAS_BACKEND to '
        "torch, jax or tensorflow, whichever is installed"
    ) from error

from recurra.keras.gru import GRU
from recurra.keras.lstm import LSTM
from recurra.keras.simple_rnn import SimpleRNN

__all__ = ["GRU", "LSTM", "SimpleRNN"]

del _keras
