"""The loop over time on our kernels, for Keras' torch backend.

Keras' gates stand in other places than ours (`recurra.convert.layouts`), and its GRU's update gate
is one minus ours: weights are moved and the update block negated inside the call, so that gradients
come back in Keras' own layout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import keras
import torch
from torch import Tensor

from recurra import ops
from recurra.keras.names import word_of

__all__ = ["run_gru", "run_lstm", "run_rnn"]

Drop = Tensor | None
_NARROW = (torch.float16, torch.bfloat16)


def run_gru(
    layer: Any, x: Tensor, states: Sequence[Tensor], mask: Tensor | None, drop: Drop, _: Drop
) -> tuple[Tensor, list[Tensor]]:
    """`recurra.ops.gru` with a Keras layer's weights; outputs in the order of computing.

    Args:
        layer: Whose weights and activations.
        x: Inputs, [B, T, I].
        states: To begin with, each [B, H].
        mask: True at the steps that count, [B, T], or None; at others the states are held.
        drop: Multiplies every step's inputs, [B, I], or None.
    """
    cell = layer.cell
    after = bool(cell.reset_after)
    kernel, recurrent, bias = _weights(cell, x)
    biases: Sequence[Tensor | None] = (None, None)
    if bias is not None:
        turned = _turned(bias, -1)
        biases = turned.unbind() if after else (turned, torch.zeros_like(turned))
    arrays = [_turned(kernel.T, 0), _turned(recurrent.T, 0), *biases]
    words = _words(cell) | {"reset": "after" if after else "before"}
    return _run(ops.gru, layer, x, states, arrays, mask, drop, words)


def run_lstm(
    layer: Any, x: Tensor, states: Sequence[Tensor], mask: Tensor | None, drop: Drop, _: Drop
) -> tuple[Tensor, list[Tensor]]:
    """`recurra.ops.lstm` with a Keras layer's weights; the gates stand as ours do."""
    cell = layer.cell
    return _run(ops.lstm, layer, x, states, _plain(cell, x), mask, drop, _words(cell))


def run_rnn(
    layer: Any,
    x: Tensor,
    states: Sequence[Tensor],
    mask: Tensor | None,
    drop: Drop,
    recurrent_drop: Drop,
) -> tuple[Tensor, list[Tensor]]:
    """`recurra.ops.rnn` with a Keras layer's weights; the state has one dropout for all steps."""
    cell = layer.cell
    words = {"activation": _words(cell)["activation"]}
    if recurrent_drop is not None:
        words["recurrent_dropout"] = recurrent_drop[:, None, :].expand(-1, x.shape[1], -1)
    return _run(ops.rnn, layer, x, states, _plain(cell, x), mask, drop, words)


def _run(
    op: Callable[..., tuple[Tensor, ...]],
    layer: Any,
    x: Tensor,
    states: Sequence[Tensor],
    arrays: Sequence[Tensor | None],
    mask: Tensor | None,
    drop: Drop,
    words: dict[str, Any],
) -> tuple[Tensor, list[Tensor]]:
    back = bool(layer.go_backwards)
    if drop is not None:
        x = x * drop[:, None, :]
    with _rounding(x):
        given = [_wide(array) for array in (x, *states, *arrays)]
        words = {k: _wide(v) if isinstance(v, Tensor) else v for k, v in words.items()}
        y, *after = op(*given, **words, valid=mask, reverse=back)
    return (y.flip(1) if back else y), after


def _plain(cell: Any, x: Tensor) -> list[Tensor | None]:
    """The weights of a cell whose gates stand as ours do; Keras' one bias and zeros."""
    kernel, recurrent, bias = _weights(cell, x)
    zeros = None if bias is None else torch.zeros_like(bias)
    return [kernel.T.contiguous(), recurrent.T.contiguous(), bias, zeros]


def _turned(weight: Tensor, axis: int) -> Tensor:
    """Update, reset, candidate along `axis` -> reset, -update, candidate."""
    update, reset, candidate = weight.chunk(3, axis)
    return torch.cat((reset, -update, candidate), axis)


def _weights(cell: Any, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """Kernel, recurrent kernel and bias, where x is."""
    kernel, recurrent, bias = cell.kernel, cell.recurrent_kernel, cell.bias
    found = _tensor(kernel, x), _tensor(recurrent, x)
    return *found, None if bias is None else _tensor(bias, x)


def _tensor(variable: Any, x: Tensor) -> Tensor:
    # convert_to_tensor looks for symbols in its arguments first: a tenth of a short call's time.
    tensor: Tensor = variable.value
    if tensor.device != x.device:
        tensor = keras.ops.convert_to_tensor(variable)
    return tensor


def _wide(array: Tensor | None) -> Tensor | None:
    """Half precision as float32: the state is kept in full precision over time."""
    return array.float() if array is not None and array.dtype in _NARROW else array


def _rounding(x: Tensor) -> Any:
    """Under a policy of bfloat16 the products round their factors to it and sum in float32."""
    return (
        torch.autocast(x.device.type, torch.bfloat16)
        if x.dtype == torch.bfloat16
        else nullcontext()
    )


def _words(cell: Any) -> dict[str, Any]:
    names = {"activation": "activation", "recurrent_activation": "gate_activation"}
    return {
        ours: word_of(getattr(cell, theirs))
        for theirs, ours in names.items()
        if hasattr(cell, theirs)
    }
