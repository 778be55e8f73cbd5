"""Keras' Dense, alone or inside a TimeDistributed, from and to our Dense, the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from recurra.convert.keras_config import activation_word, training_only
from recurra.errors import ConversionError
from recurra.layers.dense import Dense

__all__ = ["dense_in", "from_dense", "to_dense"]


def dense_in(layer: Any) -> Any | None:
    """Keras' Dense that a layer is, or that it runs at each step; None: it is another layer.

    Raises:
        ConversionError: a TimeDistributed runs something else; says what.
    """
    if _is(layer, "Dense"):
        return layer
    if not _is(layer, "TimeDistributed"):
        return None
    if not _is(layer.layer, "Dense"):
        raise ConversionError(
            f"the TimeDistributed {layer.name!r} runs a {type(layer.layer).__name__} at each step: "
            "ours run a Dense; convert the inner layer on its own"
        )
    return layer.layer


def from_dense(layer: Any, name: str, *, inference: bool) -> Dense:
    """Our Dense with the weights of Keras'.

    Args:
        layer: Keras' Dense.
        name: By which errors name it: that of the layer around it.
        inference: Leave out what acts in training only.

    Raises:
        ConversionError: it is not built, or something of it would be lost.
    """
    if not layer.built:
        raise ConversionError(f"layer {name!r} has no weights yet: call it, or build it")
    config = layer.get_config()
    lost = training_only(config)
    if lost and not inference:
        raise ConversionError(
            f"layer {name!r} has {', '.join(lost)}, which our layer does not: say inference=True "
            "to leave out what acts in training only"
        )
    arrays = [np.array(array) for array in layer.get_weights()]
    if len(arrays) != 1 + layer.use_bias:
        raise ConversionError(
            f"layer {name!r} has {len(arrays)} arrays, where a Dense has a kernel and a bias: "
            "merge its LoRA or undo its quantisation first"
        )
    for array in arrays:
        if array.dtype not in (np.float32, np.float64):
            raise ConversionError(
                f"layer {name!r} has weights of {array.dtype}: expected float32 or float64"
            )
    inputs, outputs = arrays[0].shape
    made = Dense(
        inputs,
        outputs,
        activation=activation_word(config["activation"], "Dense", "activation"),
        bias=layer.use_bias,
        dtype=torch.from_numpy(arrays[0]).dtype,
    )
    with torch.no_grad():
        made.weight.copy_(torch.from_numpy(arrays[0].T.copy()))
        if made.bias is not None:
            made.bias.copy_(torch.from_numpy(arrays[1]))
    return made.requires_grad_(bool(layer.trainable))


def to_dense(keras: Any, layer: Dense) -> Any:
    """Keras' Dense, built; it maps the last axis of x [B, T, I], as in a TimeDistributed."""
    node = layer.node
    made = keras.layers.Dense(
        node.output_size,
        activation="linear" if node.activation == "identity" else node.activation,
        use_bias=node.bias,
        dtype=str(layer.weight.dtype).removeprefix("torch."),
    )
    made.build((None, None, node.input_size))
    weights = [layer.weight.detach().cpu().numpy().T]
    if layer.bias is not None:
        weights.append(layer.bias.detach().cpu().numpy())
    made.set_weights(weights)
    made.trainable = layer.weight.requires_grad
    return made


def _is(layer: Any, name: str) -> bool:
    kind = type(layer)
    return kind.__name__ == name and kind.__module__.startswith("keras.")
