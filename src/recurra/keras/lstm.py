"""The long short-term memory as a Keras layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import keras

from recurra.keras.abstract import AbstractRecurrent
from recurra.keras.scan import States, Step, dropped, projected

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
    _gates: ClassVar[int] = 4

    def _kernels(self) -> Callable[..., Any]:
        from recurra.keras.kernels import run_lstm

        return run_lstm

    def _steps(self, training: bool) -> Step:
        ops, cell = keras.ops, self.cell
        recurrent = ops.convert_to_tensor(cell.recurrent_kernel)
        blocks = ops.split(recurrent, self._gates, axis=1)
        bias = ops.convert_to_tensor(cell.bias) if cell.use_bias else None
        recurrent_drops = training and 0.0 < cell.recurrent_dropout < 1.0
        drops = training and 0.0 < cell.dropout < 1.0
        masks = cell._recurrent_dropout_mask if recurrent_drops else None

        def project(x: Any) -> Any:
            drop = cell.get_dropout_mask(x[:, 0]) if drops else None
            return projected(cell, x, drop, self._gates, bias)

        def advance(states: States, x_gates: Any) -> States:
            h, c = states
            if masks is None:
                product = ops.matmul(h, recurrent)
            else:
                read = dropped(h, masks, self._gates)
                parts = [ops.matmul(a, block) for a, block in zip(read, blocks, strict=True)]
                product = ops.concatenate(parts, axis=-1)
            gates = ops.split(x_gates + product, self._gates, axis=-1)
            i, f = (cell.recurrent_activation(gate) for gate in gates[:2])
            c = f * c + i * cell.activation(gates[2])
            return cell.recurrent_activation(gates[3]) * cell.activation(c), c

        return Step(project, advance)
