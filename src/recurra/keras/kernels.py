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

_NARROW = (torch.float16, torch.bfloat16)


def run_gru(
    layer: Any, x: Tensor, states: Sequence[Tensor], mask: Tensor | None, training: bool
) -> tuple[Tensor, list[Tensor]]:
    """`recurra.ops.gru` with a Keras layer's weights; outputs in the order of computing."""
    cell = layer.cell
    after = bool(cell.reset_after)
    bias = _tensor(cell.bias)
    biases: tuple[Tensor | None, Tensor | None] = (None, None)
    if bias is not None:
        biases = (bias[0], bias[1]) if after else (bias, torch.zeros_like(bias))
    arrays = [
        _turned(_tensor(cell.kernel), 1),
        _turned(_tensor(cell.recurrent_kernel), 1),
        *(_turned(one, 0) for one in biases),
    ]
    words = _words(cell) | {"reset": "after" if after else "before"}
    return _run(ops.gru, layer, x, states, arrays, mask, training, words)


def run_lstm(
    layer: Any, x: Tensor, states: Sequence[Tensor], mask: Tensor | None, training: bool
) -> tuple[Tensor, list[Tensor]]:
    """`recurra.ops.lstm` with a Keras layer's weights; the gates stand as ours do."""
    cell = layer.cell
    return _run(ops.lstm, layer, x, states, _plain(cell), mask, training, _words(cell))


def run_rnn(
    layer: Any, x: Tensor, states: Sequence[Tensor], mask: Tensor | None, training: bool
) -> tuple[Tensor, list[Tensor]]:
    """`recurra.ops.rnn` with a Keras layer's weights."""
    cell = layer.cell
    words = {"activation": _words(cell)["activation"]}
    drop = cell.get_recurrent_dropout_mask(states[0]) if training else None
    if drop is not None:
        words["recurrent_dropout"] = drop[:, None, :].expand(-1, x.shape[1], -1)
    return _run(ops.rnn, layer, x, states, _plain(cell), mask, training, words)


def _run(
    op: Callable[..., tuple[Tensor, ...]],
    layer: Any,
    x: Tensor,
    states: Sequence[Tensor],
    arrays: Sequence[Tensor | None],
    mask: Tensor | None,
    training: bool,
    words: dict[str, Any],
) -> tuple[Tensor, list[Tensor]]:
    back, units = bool(layer.go_backwards), layer.cell.units
    if x.is_meta:
        # Only shapes are asked for.
        return x.new_empty(x.shape[0], x.shape[1], units), list(states)
    drop = layer.cell.get_dropout_mask(x[:, 0]) if training and _drops(layer.cell) else None
    if drop is not None:
        x = x * drop[:, None, :]
    with _rounding(x):
        given = [_wide(array) for array in (x, *states, *arrays)]
        words = {k: _wide(v) if isinstance(v, Tensor) else v for k, v in words.items()}
        y, *after = op(*given, **words, valid=mask, reverse=back)
    return (y.flip(1) if back else y), after


def _drops(cell: Any) -> bool:
    # A rate of 1 drops nothing in Keras' GRU and LSTM, and everything in its SimpleRNN.
    return cell.dropout > 0.0 and (cell.dropout < 1.0 or not hasattr(cell, "recurrent_activation"))


def _plain(cell: Any) -> list[Tensor | None]:
    """The weights of a cell whose gates stand as ours do; Keras' one bias and zeros."""
    kernel, recurrent = _tensor(cell.kernel), _tensor(cell.recurrent_kernel)
    bias = _tensor(cell.bias)
    assert kernel is not None
    assert recurrent is not None
    zeros = None if bias is None else torch.zeros_like(bias)
    return [kernel.T.contiguous(), recurrent.T.contiguous(), bias, zeros]


def _turned(weight: Tensor | None, axis: int) -> Tensor | None:
    """Update, reset, candidate along `axis` -> reset, -update, candidate along the first."""
    if weight is None:
        return None
    update, reset, candidate = weight.chunk(3, axis)
    blocks = (reset, -update, candidate)
    return torch.cat([block.T for block in blocks] if axis else list(blocks))


def _tensor(variable: Any) -> Tensor | None:
    if variable is None:
        return None
    tensor: Tensor = keras.ops.convert_to_tensor(variable)
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
