"""The long short-term memory as a Keras layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras

from recurra.keras.abstract import AbstractRecurrent

__all__ = ["LSTM"]


@keras.saving.register_keras_serializable(package="recurra")
class LSTM(AbstractRecurrent, keras.layers.LSTM):  # type: ignore[misc]  # Keras ships no types
    """The layer `keras.layers.LSTM`, on recurra's kernels where Keras runs on torch.

        i_t, f_t, o_t = s(W x_t + U h_{t-1} + b), each with its own block of columns
        c_t = f_t * c_{t-1} + i_t * a(W_c x_t + U_c h_{t-1} + b_c)
        h_t = o_t * a(c_t)

    Args: as `keras.layers.LSTM`, by the same names and in the same order.
    Raises:
        SettingsError: a name that Keras does not know, with the nearest that it does.
    Source: Hochreiter & Schmidhuber 1997; https://keras.io/api/layers/recurrent_layers/lstm.
    """

    __signature__ = inspect.signature(keras.layers.LSTM)

    def _ways(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        from recurra.keras.kernels import run_lstm
        from recurra.keras.scan import step_lstm

        return run_lstm, step_lstm
