"""Names of Keras' activations, initialisers and their like: ours for them, or the nearest."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import keras

from recurra.errors import SettingsError
from recurra.spec.cells import Activation

__all__ = ["refuse_names", "word_of"]

# Keras' activations that our kernels compute too, by our words.
_KERNEL_WORDS: dict[str, Activation] = {
    "tanh": "tanh",
    "relu": "relu",
    "sigmoid": "sigmoid",
    "hard_sigmoid": "hard_sigmoid",
    "hard_tanh": "hard_tanh",
    "softsign": "softsign",
    "linear": "identity",
}

# What Keras takes for a name, though it computes nothing.
_BASES = ("Initializer", "Regularizer", "Constraint")


def refuse_names(layer: str, arguments: Mapping[str, Any]) -> None:
    """Refuse the first name that Keras does not know, with the nearest one that it does.

    Args:
        layer: Its class, for the message.
        arguments: As the layer takes them: those that end in `activation`, `_initializer`,
            `_regularizer` and `_constraint` are looked at where they are texts.

    Raises:
        SettingsError: says which argument, what came and what was probably meant.
    """
    families = {
        "activation": keras.activations,
        "initializer": keras.initializers,
        "regularizer": keras.regularizers,
        "constraint": keras.constraints,
    }
    for name, value in arguments.items():
        family = families.get(name.rsplit("_", 1)[-1])
        if family is None or not isinstance(value, str) or _knows(family, value):
            continue
        # Classes stand before functions in `dir`: of two that differ in case the second is meant.
        known = {word.lower(): word for word in dir(family) if _knows(family, word)}
        near = known[difflib.get_close_matches(value.lower(), known, n=1, cutoff=0.0)[0]]
        raise SettingsError(
            f"{layer} expected {name} to be a name that Keras knows, got {value!r}: did you "
            f"mean {near!r}?"
        )


def _knows(family: Any, name: str) -> bool:
    """Whether one of Keras' families makes something of the name."""
    try:
        return callable(family.get(name)) and name not in _BASES and not name.startswith("_")
    except (KeyError, TypeError, ValueError):
        return False


def word_of(activation: Any) -> Activation | None:
    """Our word for one of Keras' own activations; None: the kernels do not have it."""
    name = getattr(activation, "__name__", "")
    if activation is None:
        return "identity"
    if name in _KERNEL_WORDS and activation is getattr(keras.activations, name, None):
        return _KERNEL_WORDS[name]
    return None
