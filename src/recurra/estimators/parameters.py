"""The estimators' parameters: the leaf names of the settings, with their defaults.

Names, defaults and their order come from `spec/settings.py` alone, and `signature` shows them to
`inspect`, `help` and scikit-learn. `Parameters` repeats names and types for type checkers and
editors, which read no generated code; a test holds the two equal.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, TypedDict

from pydantic.fields import FieldInfo

from recurra.errors import SettingsError
from recurra.spec.cells import Activation, Reset
from recurra.spec.settings import SECTIONS

__all__ = ["FIELDS", "Parameters", "checked", "described", "signature"]

# The class is the task, and y gives the labels.
_LEFT_OUT = ("task", "labels")

FIELDS: Mapping[str, FieldInfo] = MappingProxyType(
    {
        name: field
        for section in ("model", "training", "data")
        for name, field in SECTIONS[section].model_fields.items()
        if name not in _LEFT_OUT
    }
)


class Parameters(TypedDict, total=False):
    """Keyword arguments of an estimator; each is described in `spec/settings.py`."""

    cell: Literal["gru", "lstm", "rnn", "mingru"]
    reset: Reset
    hidden: int
    layers: int
    bidirectional: bool
    pool: tuple[Literal["last", "mean", "max"], ...]
    embedding: int
    activation: Activation | None
    gate_activation: Activation
    bias: bool
    learn_initial_state: bool
    residual: bool
    dropout: float
    variational: bool
    weight_dropout: float
    zoneout: float
    input_init: Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "uniform"]
    recurrent_init: Literal["orthogonal", "identity", "glorot_uniform", "glorot_normal", "uniform"]
    bias_init: Literal["zeros", "gate", "chrono"]
    chrono_length: int
    epochs: int
    batch_size: int
    learning_rate: float
    schedule: Literal["constant", "cosine", "linear"]
    warmup: float
    weight_decay: float
    clip_norm: float
    class_weight: Literal["none", "balanced"]
    valid_fraction: float
    patience: int
    seed: int
    precision: Literal["float32", "float64", "bfloat16"]
    backend: Literal["auto", "native", "torch", "reference"]
    threads: int
    checkpoint_every: int
    id: str | None
    time: str | None
    target: str | None
    features: tuple[str, ...] | None
    text: str | None
    layout: Literal["ntc", "nct"]
    symbol: Literal["character", "word"]
    min_count: int


def signature() -> inspect.Signature:
    """The signature of an estimator's `__init__`: keyword-only parameters with their defaults."""
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return inspect.Signature(
        [
            own,
            *(
                inspect.Parameter(
                    name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=field.default,
                    annotation=field.annotation,
                )
                for name, field in FIELDS.items()
            ),
        ]
    )


def described() -> str:
    """One line a parameter, for a class's docstring."""
    lines = (f"    {name}: {field.description}" for name, field in FIELDS.items())
    return "\n".join(["Args:", *lines])


def checked(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """`given`, once every name in it is a parameter; an unknown one is refused with the nearest."""
    for name in given:
        if name not in FIELDS:
            raise SettingsError(
                f"unknown parameter {name!r}; did you mean "
                f"{difflib.get_close_matches(name, FIELDS, n=1, cutoff=0)[0]!r}?"
            )
    return given
