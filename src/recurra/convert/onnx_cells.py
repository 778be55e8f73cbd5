"""ONNX's nodes GRU, LSTM and RNN and the cells that compute them: attributes and weights.

Source: https://onnx.ai/onnx/operators, GRU, LSTM and RNN of opset 14 and 22.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from recurra.convert.layouts import (
    TURNABLE,
    Array,
    from_onnx_arrays,
    loss,
    refuse_cell,
    to_onnx_arrays,
)
from recurra.errors import ConversionError, SpecError
from recurra.spec.cells import AbstractCell, GRUCell, LSTMCell, RNNCell

__all__ = ["OPS", "attributes_of", "cells_of", "node_arrays"]

OPS: Mapping[str, type[AbstractCell]] = MappingProxyType(
    {"GRU": GRUCell, "LSTM": LSTMCell, "RNN": RNNCell}
)
_NAMES = {cell: op for op, cell in OPS.items()}
# `layout` and `output_sequence` say how a node's arrays lie, not what it computes.
_KNOWN = {
    *("activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size"),
    *("input_forget", "layout", "linear_before_reset", "output_sequence"),
}
# Ours -> ONNX's name with its alpha and beta, where it takes any.
_ACTIVATIONS: Mapping[str, tuple[str, float | None, float | None]] = MappingProxyType(
    {
        "tanh": ("Tanh", None, None),
        "relu": ("Relu", None, None),
        "sigmoid": ("Sigmoid", None, None),
        "softsign": ("Softsign", None, None),
        "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
        "identity": ("Affine", 1.0, 0.0),
    }
)
# ONNX's activations that take an alpha or a beta, and the values that hold where none is given.
_DEFAULTS: Mapping[str, tuple[float | None, float | None]] = MappingProxyType(
    {
        "affine": (1.0, 0.0),
        "leakyrelu": (0.01, None),
        "thresholdedrelu": (1.0, None),
        "scaledtanh": (1.0, 1.0),
        "hardsigmoid": (0.2, 0.5),
        "elu": (1.0, None),
    }
)
_BY_DEFAULT = {"GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh"), "RNN": ("Tanh",)}
_DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}


def attributes_of(cells: Sequence[AbstractCell], *, reverse: bool = False) -> dict[str, Any]:
    """The attributes of the node that computes one cell, or one for each direction.

    Raises:
        ConversionError: ONNX has no such cell or activation.
    """
    first = cells[0]
    for cell in cells:
        refuse_cell(cell, "ONNX")
        if (cell.kind, cell.hidden_size, cell.bias) != (first.kind, first.hidden_size, first.bias):
            raise loss("ONNX", "two directions that differ in kind, hidden_size or bias")
    names, alphas, betas = list[str](), list[float](), list[float]()
    for cell in cells:
        words = [cell.activation] if isinstance(cell, RNNCell) else _words(cell)
        for word in words:
            if word not in _ACTIVATIONS:
                raise loss("ONNX", f"the activation {word!r}: it has {', '.join(_ACTIVATIONS)}")
            name, alpha, beta = _ACTIVATIONS[word]
            names.append(name)
            alphas += [] if alpha is None else [alpha]
            betas += [] if beta is None else [beta]
    direction = "bidirectional" if len(cells) == 2 else "reverse" if reverse else "forward"
    attributes: dict[str, Any] = {
        "hidden_size": first.hidden_size,
        "direction": direction,
        "activations": names,
    }
    if alphas:
        attributes |= {"activation_alpha": alphas, "activation_beta": betas}
    if isinstance(first, GRUCell):
        if len({cell.reset for cell in cells if isinstance(cell, GRUCell)}) > 1:
            raise loss("ONNX", "two directions that differ in reset")
        attributes["linear_before_reset"] = int(first.reset == "after")
    return attributes


def _words(cell: AbstractCell) -> list[str]:
    words: list[str] = [cell.gate_activation, cell.activation]
    return [*words, cell.activation] if isinstance(cell, LSTMCell) else words


def node_arrays(
    cells: Sequence[AbstractCell], weights: Sequence[Mapping[str, Array]]
) -> tuple[Array, Array, Array | None]:
    """W [D, G*H, I], R [D, G*H, H] and B [D, 2*G*H] of the node for these directions."""
    sides = [to_onnx_arrays(c, w) for c, w in zip(cells, weights, strict=True)]
    biases = [bias for _, _, bias in sides if bias is not None]
    return (
        np.concatenate([weight for weight, _, _ in sides]),
        np.concatenate([recurrent for _, recurrent, _ in sides]),
        np.concatenate(biases) if biases else None,
    )


def cells_of(
    op: str, name: str, attributes: Mapping[str, Any], arrays: Mapping[str, Array | None]
) -> list[tuple[AbstractCell, dict[str, Array]]]:
    """The cell and parameters of each direction of a node.

    Args:
        op: "GRU", "LSTM" or "RNN".
        name: Of the node, for the message.
        attributes: Of the node, texts decoded.
        arrays: W and R; B and P, None where absent.

    Raises:
        ConversionError: an attribute, an activation or peepholes that our cells do not have, or
            shapes that disagree; says which.
    """
    where = f"ONNX's {op} {name!r}"
    unknown = sorted(set(attributes) - _KNOWN)
    if unknown:
        raise ConversionError(f"{where} has an attribute {unknown[0]!r} that is not read here")
    # A clip of 0 leaves nothing but zeros, in ONNX and in ONNX Runtime's RNN.
    acts = {
        "clip": attributes.get("clip") is not None,
        "input_forget": attributes.get("input_forget"),
    }
    for attribute in filter(acts.get, acts):
        raise ConversionError(
            f"{where} has {attribute}={attributes[attribute]}: our cells do not do that"
        )
    peepholes = arrays.get("P")
    if peepholes is not None and np.any(peepholes):
        raise ConversionError(f"{where} has peepholes (its input P): our LSTM has none")
    direction = attributes.get("direction", "forward")
    sides = _DIRECTIONS.get(direction)
    if sides is None:
        raise ConversionError(f"{where} has direction={direction!r}: expected {[*_DIRECTIONS]}")
    weight, recurrent, bias = arrays["W"], arrays["R"], arrays.get("B")
    if weight is None or recurrent is None:
        raise ConversionError(f"{where} lacks its weights W or R")
    for letter, array, axes in (("W", weight, 3), ("R", recurrent, 3), ("B", bias, 2)):
        if array is not None and (array.ndim != axes or array.shape[0] != sides):
            raise ConversionError(
                f"{where} expected {letter} with {axes} axes, the first of {sides}, "
                f"got {list(array.shape)}"
            )
    words = _activation_words(op, where, attributes, sides)
    units = attributes.get("hidden_size", recurrent.shape[-1])
    found = []
    for side in range(sides):
        values: dict[str, Any] = {
            "input_size": weight.shape[2],
            "hidden_size": units,
            "bias": bias is not None,
            **words[side],
        }
        if op == "GRU":
            values["reset"] = "after" if attributes.get("linear_before_reset") else "before"
            if values["gate_activation"] not in TURNABLE:
                raise ConversionError(
                    f"{where} has gates of {values['gate_activation']!r}: its update gate is one "
                    f"minus ours, which only {' and '.join(TURNABLE)} can turn round"
                )
        try:
            cell = OPS[op](**values)
        except SpecError as error:
            raise ConversionError(f"{where} is no layer: {error}") from error
        one = None if bias is None else bias[side]
        found.append((cell, from_onnx_arrays(cell, weight[side], recurrent[side], one)))
    return found


def _activation_words(
    op: str, where: str, attributes: Mapping[str, Any], sides: int
) -> list[dict[str, str]]:
    """`activation` and, where there are gates, `gate_activation` of each direction."""
    plain = _BY_DEFAULT[op]
    names = list(attributes.get("activations") or plain * sides)
    if len(names) != len(plain) * sides:
        raise ConversionError(
            f"{where} expected {len(plain) * sides} activations, got {len(names)}"
        )
    alphas = list(attributes.get("activation_alpha", ()))
    betas = list(attributes.get("activation_beta", ()))
    words = [_word(where, name, alphas, betas) for name in names]
    found = []
    for side in range(sides):
        gate, *own = words[side * len(plain) : (side + 1) * len(plain)]
        if not own:
            found.append({"activation": gate})
            continue
        if len(set(own)) > 1:
            raise ConversionError(
                f"{where} has {own[0]!r} for its candidate and {own[1]!r} for its output: our "
                "LSTM has one activation for both"
            )
        found.append({"activation": own[0], "gate_activation": gate})
    return found


def _word(where: str, name: str, alphas: list[float], betas: list[float]) -> str:
    """Our word for one of ONNX's activations; takes its alpha and beta from the lists."""
    if name.lower() == "affine" and not (alphas and betas):
        raise ConversionError(
            f"{where} has the activation {name} without its alpha and beta, which ONNX takes as "
            "1 and 0 and ONNX Runtime as zeros: write them into the node"
        )
    alpha, beta = _DEFAULTS.get(name.lower(), (None, None))
    if alpha is not None and alphas:
        alpha = alphas.pop(0)
    if beta is not None and betas:
        beta = betas.pop(0)
    for word, (theirs, own_alpha, own_beta) in _ACTIVATIONS.items():
        if theirs.lower() == name.lower() and _alike(alpha, own_alpha) and _alike(beta, own_beta):
            return word
    given = "" if alpha is None else f" with alpha={alpha:.6g}"
    given += "" if beta is None else f", beta={beta:.6g}"
    known = ", ".join(
        theirs + ("" if a is None else f" with alpha={a:.6g}, beta={b:.6g}")
        for theirs, a, b in _ACTIVATIONS.values()
    )
    raise ConversionError(f"{where} has the activation {name}{given}; ours are {known}")


def _alike(given: float | None, own: float | None) -> bool:
    """Equal as the file holds them, in float32."""
    if given is None or own is None:
        return given is own
    return bool(np.float32(given) == np.float32(own))
