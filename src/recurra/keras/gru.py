"""The gated recurrent unit as a Keras layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras

from recurra.keras.abstract import AbstractRecurrent
from recurra.keras.names import word_of

__all__ = ["GRU"]

# The gate activations s with s(-a) = 1 - s(a): Keras' update gate is one minus the kernels'.
_TURNABLE = ("sigmoid", "hard_sigmoid")


@keras.saving.register_keras_serializable(package="recurra")
class GRU(AbstractRecurrent, keras.layers.GRU):  # type: ignore[misc]  # Keras ships no types
    """The layer `keras.layers.GRU`, on recurra's kernels where Keras runs on torch.

        z_t = s(W_z x_t + b_z + U_z h_{t-1} + c_z)        r_t likewise
        n_t = f(W_n x_t + b_n + r_t * (U_n h_{t-1} + c_n))        (reset_after=True)
        n_t = f(W_n x_t + b_n + U_n (r_t * h_{t-1}))              (reset_after=False)
        h_t = z_t * h_{t-1} + (1 - z_t) * n_t                     (z = 1 holds the state)

    Args: as `keras.layers.GRU`, by the same names and in the same order.
    Raises:
        SettingsError: a name that Keras does not know, with the nearest that it does.
    Source: Cho et al. 2014, arXiv:1406.1078; https://keras.io/api/layers/recurrent_layers/gru.
    """

    __signature__ = inspect.signature(keras.layers.GRU)

    def _why_not(self, training: bool) -> str | None:
        reason = super()._why_not(training)
        if reason is None and word_of(self.cell.recurrent_activation) not in _TURNABLE:
            given = self.cell.recurrent_activation.__name__
            return f"no kernel has an update gate of one minus {given}"
        return reason

    def _ways(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        from recurra.keras.kernels import run_gru
        from recurra.keras.scan import step_gru

        return run_gru, step_gru
