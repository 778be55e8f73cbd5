"""Keras' recurrent layers and Dense from and to our layers, the same weights to the bit."""

from __future__ import annotations

from collections.abc import Container, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from recurra.convert.floors import (
    Array,
    Whole,
    arrays_of,
    cell_from_arrays,
    floors,
    refuse_stack,
)
from recurra.convert.keras_config import CELLS, DIRECT, KINDS, cell_of_config, training_only
from recurra.convert.keras_dense import dense_in, from_dense, to_dense
from recurra.convert.layouts import from_keras_arrays, loss, refuse_cell, to_keras_arrays
from recurra.errors import ConversionError, DependencyError
from recurra.layers import Bidirectional, Stack
from recurra.layers.abstract import AbstractRecurrent
from recurra.layers.dense import Dense
from recurra.ops import Backend
from recurra.spec.cells import GRUCell, RNNCell

__all__ = ["from_keras", "to_keras"]

_CLASSES = {cell: name for name, cell in KINDS.items()}


def from_keras(
    layer: Any, *, reverse: bool = False, inference: bool = False, backend: Backend = "auto"
) -> Whole | Dense:
    """The layer that computes what Keras' recurrent layers compute.

    Args:
        layer: A built keras.layers.GRU, LSTM, SimpleRNN, an RNN over their cells (one, a list or
            StackedRNNCells), a Bidirectional of them, or a list or keras.Sequential of nothing
            else, from the input upwards; `recurra.keras`' own too. A Dense, or a TimeDistributed
            of one, by itself. Its weights are copied, and whether they are trained goes with them.
            How it is called (return_sequences, stateful, masks) is not the layer's here but the
            call's.
        reverse: The layer has go_backwards=True; ours is called with reverse=True, and puts out
            each step where it stands, while Keras lists them from the last to the first.
        inference: Leave out what acts in training only: dropout, regularisers, constraints.
        backend: As `GRU` takes it.

    Returns:
        A GRU, LSTM or RNN; a `Bidirectional` for both directions; a `Stack` for several layers or
        cells; a Dense.

    Raises:
        ConversionError: another layer, one that is not built, or something that would be lost.
    """
    layers = _listed(layer)
    dense = dense_in(layers[0]) if len(layers) == 1 else None
    if dense is not None:
        return from_dense(dense, layers[0].name, inference=inference)
    rate = _between(layers)
    made = list[AbstractRecurrent | Bidirectional]()
    for one in layers:
        made += _floors(one, reverse, inference, backend, rate, first=not made)
    if len(made) == 1:
        return made[0]
    if reverse:
        raise ConversionError(
            "from_keras takes reverse=True for one layer of one cell: the next would read its "
            "steps backwards"
        )
    for below in layers[:-1]:
        if not getattr(below, "return_sequences", True):
            raise ConversionError(
                f"layer {below.name!r} has return_sequences=False, so the next layer reads no "
                "steps: convert each on its own"
            )
    return Stack(made, dropout=rate, variational=rate > 0)


def to_keras(layer: Whole | Dense, *, reverse: bool = False, layers: Any = None) -> Any:
    """Keras' layer that computes what ours computes, built, with return_sequences=True.

    Args:
        layer: A GRU, LSTM or RNN, a `Bidirectional`, a `Stack` or a Dense. An LSTM, an RNN and a
            GRU that resets before the product have one bias in Keras: the sum of ours.
        reverse: Give go_backwards=True to a single cell.
        layers: Where the classes GRU, LSTM and SimpleRNN come from: `recurra.keras`, or None:
            `keras.layers`.

    Returns:
        keras.layers.GRU, LSTM or SimpleRNN, a Bidirectional, for a stack a keras.Sequential, or a
        keras.layers.Dense.

    Raises:
        ConversionError: Keras' layers cannot hold or compute something of the layer; says what.
        DependencyError: Keras is not installed.
    """
    keras = _keras()
    if isinstance(layer, Dense):
        return to_dense(keras, layer)
    layers = keras.layers if layers is None else layers
    cells_of = floors(layer, "to_keras")
    refuse_stack(layer, "Keras' layer")
    rates = _rates(layer, len(cells_of))
    if reverse and (len(cells_of) > 1 or len(cells_of[0]) > 1):
        raise ConversionError("to_keras takes reverse=True for a single cell")
    made = [
        _keras_layer(keras, layers, cells, rate, reverse)
        for cells, rate in zip(cells_of, rates, strict=True)
    ]
    if len(made) == 1:
        return made[0]
    whole = keras.Sequential(made)
    whole.build((None, None, cells_of[0][0].node.input_size))
    return whole


def _keras() -> Any:
    try:
        return import_module("keras")
    except ImportError as error:
        raise DependencyError(
            f'Keras cannot be loaded ({error}): pip install "recurra[keras]", and set '
            "KERAS_BACKEND to torch, jax or tensorflow, whichever is installed"
        ) from error


def _listed(layer: Any) -> list[Any]:
    """The recurrent layers, from the input upwards."""
    if isinstance(layer, list | tuple):
        found = list(layer)
    else:
        found = list(layer.layers) if isinstance(layer, _keras().Sequential) else [layer]
    if not found:
        raise ConversionError("from_keras expected at least one layer, got none")
    return found


def _known(layer: Any, names: Container[str]) -> str | None:
    """The name of Keras' own class (or of `recurra.keras`) that the layer is; None: another."""
    module, name = type(layer).__module__, type(layer).__name__
    return name if module.startswith(("keras.", "recurra.keras")) and name in names else None


def _cells_of(layer: Any) -> list[Any]:
    """Keras' cells in a layer of one direction, from the input upwards.

    Raises:
        ConversionError: it is no such layer, or runs another cell.
    """
    if _known(layer, DIRECT) is None:
        alone = ": convert it on its own" if _known(layer, ("Dense", "TimeDistributed")) else ""
        raise ConversionError(
            f"from_keras expected GRU, LSTM, SimpleRNN, RNN or Bidirectional of keras.layers or "
            f"recurra.keras; got {type(layer).__module__}.{type(layer).__name__}{alone}"
        )
    stacked = _known(layer.cell, ("StackedRNNCells",))
    cells = list(layer.cell.cells) if stacked else [layer.cell]
    for cell in cells:
        if type(layer).__name__ == "RNN" and _known(cell, CELLS) is None:
            raise ConversionError(
                f"the RNN {layer.name!r} runs {type(cell).__module__}.{type(cell).__name__}; ours "
                f"are {', '.join(CELLS)} of keras.layers"
            )
    return cells


def _between(layers: Sequence[Any]) -> float:
    """The one rate with which every cell but the first drops its input; 0.0: there is none."""
    rates = list[float]()
    for layer in layers:
        cells = [None] if _both(layer) else _cells_of(layer)
        rates += [getattr(cell, "dropout", 0.0) for cell in cells]
    alike = len(rates) > 1 and not rates[0] and len(set(rates[1:])) == 1
    return float(rates[1]) if alike else 0.0


def _both(layer: Any) -> bool:
    return isinstance(layer, _keras().layers.Bidirectional)


def _floors(
    layer: Any, reverse: bool, inference: bool, backend: Backend, rate: float, *, first: bool
) -> list[AbstractRecurrent | Bidirectional]:
    """Ours, one for each cell of the layer, or one that reads both ways."""
    if not _both(layer):
        return [*_direction(layer, reverse, inference, backend, rate, first=first)]
    if layer.merge_mode != "concat":
        raise ConversionError(
            f"layer {layer.name!r} has merge_mode={layer.merge_mode!r}: a Bidirectional here "
            "puts both outputs side by side (concat)"
        )
    sides = []
    for side, backwards in ((layer.forward_layer, reverse), (layer.backward_layer, not reverse)):
        made = _direction(side, backwards, inference, backend, 0.0, first=True)
        if len(made) > 1:
            raise ConversionError(
                f"the Bidirectional {layer.name!r} runs {len(made)} cells one above another each "
                "way: ours runs one"
            )
        sides += made
    return [Bidirectional(*sides)]


def _direction(
    layer: Any, reverse: bool, inference: bool, backend: Backend, rate: float, *, first: bool
) -> list[AbstractRecurrent]:
    cells = _cells_of(layer)
    if not all(cell.built for cell in cells):
        raise ConversionError(f"layer {layer.name!r} has no weights yet: call it, or build it")
    if bool(layer.go_backwards) != reverse:
        raise ConversionError(
            f"layer {layer.name!r} has go_backwards={layer.go_backwards}: say reverse="
            f"{layer.go_backwards} here, and call what you get with it"
        )
    return [
        _cell(layer, cell, inference, backend, 0.0 if first and k == 0 else rate)
        for k, cell in enumerate(cells)
    ]


def _cell(
    layer: Any, cell: Any, inference: bool, backend: Backend, between: float
) -> AbstractRecurrent:
    config = layer.get_config()
    kind = type(layer).__name__
    if kind == "RNN":
        config, kind = {**config, **cell.get_config()}, CELLS[type(cell).__name__]
    held = {"dropout": 0.0} if config["dropout"] == between else {}
    lost = training_only({**config, **held})
    if lost and not inference:
        raise ConversionError(
            f"layer {layer.name!r} has {', '.join(lost)}, which our layer does not: say "
            "inference=True to leave out what acts in training only"
        )
    arrays = [np.array(array) for array in cell.get_weights()]
    node = cell_of_config(config, kind, [array.shape for array in arrays])
    made = cell_from_arrays(node, from_keras_arrays(node, _floats(arrays, layer.name)), backend)
    return made.requires_grad_(bool(layer.trainable and cell.trainable))


def _floats(arrays: Sequence[Any], name: str) -> list[Array]:
    for array in arrays:
        if array.dtype not in (np.float32, np.float64):
            raise ConversionError(
                f"layer {name!r} has weights of {array.dtype}: expected float32 or float64"
            )
    return list(arrays)


def _rates(layer: Whole, count: int) -> list[float]:
    """The input dropout of each Keras layer: what a stack drops between its layers."""
    rate = layer.node.dropout if isinstance(layer, Stack) else 0.0
    if rate and count > 1 and isinstance(layer, Stack) and not layer.node.variational:
        raise loss("Keras' layer", "variational=False: its dropout draws once a sequence")
    return [0.0] + [rate] * (count - 1)


def _keras_layer(
    keras: Any, layers: Any, cells: Sequence[AbstractRecurrent], rate: float, reverse: bool
) -> Any:
    if len(cells) == 1:
        return _keras_cell(layers, cells[0], rate, go_backwards=reverse)
    if rate:
        raise loss("Keras' Bidirectional", "dropout before it: each of its directions draws anew")
    if cells[0].node.hidden_size != cells[1].node.hidden_size:
        raise loss("Keras' Bidirectional", "directions that differ in hidden_size")
    ahead, back = (
        _keras_cell(layers, cell, rate, go_backwards=side == 1) for side, cell in enumerate(cells)
    )
    both = keras.layers.Bidirectional(ahead, backward_layer=back, dtype=ahead.dtype_policy)
    both.build((None, None, cells[0].node.input_size))
    # It made the forward layer anew, without its weights.
    _fill(both.forward_layer, cells[0])
    return both


def _keras_cell(layers: Any, cell: AbstractRecurrent, rate: float, *, go_backwards: bool) -> Any:
    node = cell.node
    refuse_cell(node, "Keras' layer")
    choices: dict[str, Any] = {
        "activation": _keras_word(node.activation),
        "use_bias": node.bias,
        "dropout": rate,
        "return_sequences": True,
        "go_backwards": go_backwards,
        "dtype": str(cell.input_weight.dtype).removeprefix("torch."),
    }
    if not isinstance(node, RNNCell):
        choices["recurrent_activation"] = _keras_word(node.gate_activation)
    if isinstance(node, GRUCell):
        choices["reset_after"] = node.reset == "after"
    made = getattr(layers, _CLASSES[type(node)])(node.hidden_size, **choices)
    made.build((None, None, node.input_size))
    _fill(made, cell)
    return made


def _fill(made: Any, cell: AbstractRecurrent) -> None:
    made.set_weights(to_keras_arrays(cell.node, arrays_of(cell)))
    made.trainable = any(parameter.requires_grad for parameter in cell.parameters())


def _keras_word(activation: str) -> str:
    return "linear" if activation == "identity" else activation
