"""What a Keras layer's config says, in the words of our cells; Keras is not needed."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from recurra.convert.layouts import TURNABLE
from recurra.errors import ConversionError
from recurra.spec.cells import ACTIVATIONS, AbstractCell, Activation, GRUCell, LSTMCell, RNNCell

__all__ = [
    "CELLS",
    "DIRECT",
    "KINDS",
    "Part",
    "activation_word",
    "cell_of_config",
    "parts_of",
    "training_only",
]

# Keras' class -> ours; `recurra.keras` has classes of the same names.
KINDS: Mapping[str, type[AbstractCell]] = MappingProxyType(
    {"GRU": GRUCell, "LSTM": LSTMCell, "SimpleRNN": RNNCell}
)
# Keras' cells, which its layer RNN runs -> the layer that is the same with RNN around it.
CELLS: Mapping[str, str] = MappingProxyType({f"{kind}Cell": kind for kind in KINDS})
# The layers of one direction.
DIRECT = (*KINDS, "RNN")
# What acts in training only, and what our layers have none of.
_IN_TRAINING = (
    *("dropout", "recurrent_dropout", "kernel_regularizer", "recurrent_regularizer"),
    *("bias_regularizer", "activity_regularizer", "kernel_constraint", "recurrent_constraint"),
    "bias_constraint",
)


@dataclass(frozen=True)
class Part:
    """One cell of a layer of one direction.

    Args:
        kind: "GRU", "LSTM" or "SimpleRNN".
        config: The cell's, and its layer's.
        place: The groups below the layer's in which its weights lie.
    """

    kind: str
    config: Mapping[str, Any]
    place: tuple[str, ...]


def parts_of(what: str, config: Mapping[str, Any]) -> list[Part]:
    """The cells of a layer of one direction, from the input upwards.

    Args:
        what: Its class, one of `DIRECT`.
        config: As Keras writes it.

    Raises:
        ConversionError: it is an RNN over another cell; says which.
    """
    if what != "RNN":
        return [Part(what, config, ("cell",))]
    cell = config["cell"]
    if cell["class_name"] != "StackedRNNCells":
        return [Part(_kind_of(cell), {**config, **cell["config"]}, ("cell",))]
    parts, named = list[Part](), Counter[str]()
    for inner in cell["config"]["cells"]:
        kind = _kind_of(inner)
        # As Keras names the members of a list: by their class, numbered from the second.
        name = {"GRU": "gru_cell", "LSTM": "lstm_cell", "SimpleRNN": "simple_rnn_cell"}[kind]
        place = f"{name}_{named[name]}" if named[name] else name
        named[name] += 1
        parts.append(Part(kind, {**config, **inner["config"]}, ("cell", "cells", place)))
    if not parts:
        raise ConversionError("Keras' StackedRNNCells has no cell")
    return parts


def _kind_of(cell: Mapping[str, Any]) -> str:
    what = cell["class_name"]
    if what not in CELLS:
        raise ConversionError(f"Keras' RNN runs a {what}; ours are {', '.join(CELLS)}")
    return CELLS[what]


def cell_of_config(config: Mapping[str, Any], kind: str, shapes: Sequence[tuple[int, ...]]) -> Any:
    """The cell that a layer's `get_config` describes.

    Args:
        config: As Keras writes it.
        kind: "GRU", "LSTM" or "SimpleRNN".
        shapes: Of its arrays; the first gives the input's size.

    Raises:
        ConversionError: an activation that our cells do not have, or sizes that do not exist.
    """
    if not shapes or len(shapes[0]) != 2:
        raise ConversionError(f"Keras' {kind} {config.get('name')!r} has no kernel [I, G*H]")
    units = config["units"]
    values: dict[str, Any] = {
        "input_size": shapes[0][0],
        "hidden_size": units,
        "bias": config["use_bias"],
        "activation": activation_word(config["activation"], kind, "activation"),
    }
    if kind != "SimpleRNN":
        gate = activation_word(config["recurrent_activation"], kind, "recurrent_activation")
        values["gate_activation"] = gate
    if kind == "GRU":
        values["reset"] = "after" if config["reset_after"] else "before"
        if values["gate_activation"] not in TURNABLE:
            raise ConversionError(
                f"Keras' GRU has recurrent_activation={config['recurrent_activation']!r}: its "
                f"update gate is one minus ours, which only {' and '.join(TURNABLE)} can turn round"
            )
    return KINDS[kind](**values)


def activation_word(given: Any, kind: str, which: str) -> Activation:
    """Our word for an activation of a Keras config.

    Raises:
        ConversionError: our cells have none that computes the same.
    """
    word = "identity" if given in ("linear", None) else given
    if not isinstance(word, str) or word not in ACTIVATIONS:
        name = given.get("config", given) if isinstance(given, dict) else given
        if isinstance(given, dict) and given.get("class_name") == "__lambda__":
            name = "a lambda"
        near = difflib.get_close_matches(str(name), ACTIVATIONS, n=1)
        meant = f"; the nearest name is {near[0]!r}" if near else ""
        raise ConversionError(
            f"Keras' {kind} has {which}={name!r}; ours have {', '.join(ACTIVATIONS)}{meant}"
        )
    return word


def training_only(config: Mapping[str, Any]) -> list[str]:
    """What a layer's config has that acts in training only, as texts."""
    return [
        f"{name}={_short(config[name])}"
        for name in _IN_TRAINING
        if config.get(name) not in (None, 0)
    ]


def _short(value: Any) -> Any:
    return value["class_name"] if isinstance(value, dict) else value
