"""The simple recurrent network as a Keras layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras

from recurra.keras.abstract import AbstractRecurrent

__all__ = ["SimpleRNN"]


@keras.saving.register_keras_serializable(package="recurra")
class SimpleRNN(AbstractRecurrent, keras.layers.SimpleRNN):  # type: ignore[misc]  # Keras ships no types
    """The layer `keras.layers.SimpleRNN`, on recurra's kernels where Keras runs on torch.

        h_t = f(W x_t + U h_{t-1} + b)

    Args: as `keras.layers.SimpleRNN`, by the same names and in the same order.
    Raises:
        SettingsError: a name that Keras does not know, with the nearest that it does.
    Source: Elman 1990; https://keras.io/api/layers/recurrent_layers/simple_rnn.
    """

    __signature__ = inspect.signature(keras.layers.SimpleRNN)

    def _ways(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        from recurra.keras.kernels import run_rnn
        from recurra.keras.scan import step_rnn

        return run_rnn, step_rnn
