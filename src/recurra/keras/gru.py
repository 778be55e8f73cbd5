"""The gated recurrent unit as a Keras layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import keras

from recurra.keras.abstract import AbstractRecurrent
from recurra.keras.names import word_of
from recurra.keras.scan import States, Step, dropped, projected

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
    _gates: ClassVar[int] = 3

    def _why_not(self, training: bool) -> str | None:
        reason = super()._why_not(training)
        if reason is None and word_of(self.cell.recurrent_activation) not in _TURNABLE:
            given = self.cell.recurrent_activation.__name__
            return f"no kernel has an update gate of one minus {given}"
        return reason

    def _kernels(self) -> Callable[..., Any]:
        from recurra.keras.kernels import run_gru

        return run_gru

    def _steps(self, training: bool) -> Step:
        ops, cell = keras.ops, self.cell
        units, after = cell.units, bool(cell.reset_after)
        bias = ops.convert_to_tensor(cell.bias) if cell.use_bias else None
        input_bias, recurrent_bias = (
            (bias, None) if bias is None or not after else (bias[0], bias[1])
        )
        recurrent = ops.convert_to_tensor(cell.recurrent_kernel)
        per_gate = self._draws_for_each_gate()
        recurrent_drops = training and per_gate and 0.0 < cell.recurrent_dropout < 1.0
        drops = training and 0.0 < cell.dropout < 1.0
        masks = cell._recurrent_dropout_mask if recurrent_drops else None

        def project(x: Any) -> Any:
            drop = cell.get_dropout_mask(x[:, 0]) if drops else None
            return projected(cell, x, drop, self._gates, input_bias)

        def both(h: Any) -> tuple[Any, Any]:
            """The recurrent products of the update and the reset gate."""
            if masks is None:
                product = ops.matmul(h, recurrent[:, : 2 * units])
                return product[:, :units], product[:, units:]
            h_z, h_r, _ = dropped(h, masks, self._gates)
            z = ops.matmul(h_z, recurrent[:, :units])
            return z, ops.matmul(h_r, recurrent[:, units : 2 * units])

        def advance(states: States, x_gates: Any) -> States:
            h = states[0]
            read = dropped(h, masks, self._gates)[2]
            u_z, u_r = both(h)
            if recurrent_bias is not None:
                u_z, u_r = u_z + recurrent_bias[:units], u_r + recurrent_bias[units : 2 * units]
            z = cell.recurrent_activation(x_gates[:, :units] + u_z)
            r = cell.recurrent_activation(x_gates[:, units : 2 * units] + u_r)
            if after:
                product = ops.matmul(read, recurrent[:, 2 * units :])
                if recurrent_bias is not None:
                    product = product + recurrent_bias[2 * units :]
                product = r * product
            else:
                product = ops.matmul(r * read, recurrent[:, 2 * units :])
            n = cell.activation(x_gates[:, 2 * units :] + product)
            return (z * h + (1 - z) * n,)

        return Step(project, advance)
