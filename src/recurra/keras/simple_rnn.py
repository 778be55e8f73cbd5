"""The simple recurrent network as a Keras layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import keras

from recurra.keras.abstract import AbstractRecurrent
from recurra.keras.scan import States, Step, dropped, projected

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
    _gates: ClassVar[int] = 1

    def _kernels(self) -> Callable[..., Any]:
        from recurra.keras.kernels import run_rnn

        return run_rnn

    def _steps(self, training: bool) -> Step:
        ops, cell = keras.ops, self.cell
        recurrent = ops.convert_to_tensor(cell.recurrent_kernel)
        bias = ops.convert_to_tensor(cell.bias) if cell.use_bias else None
        masks = cell._recurrent_dropout_mask if training else None

        def project(x: Any) -> Any:
            drop = cell.get_dropout_mask(x[:, 0]) if training else None
            return projected(cell, x, drop, self._gates, bias)

        def advance(states: States, x_gates: Any) -> States:
            read = dropped(states[0], masks, self._gates)[0]
            return (cell.activation(x_gates + ops.matmul(read, recurrent)),)

        return Step(project, advance)
