"""The estimators' parameters: the leaf names of the settings, with their defaults.

Names, defaults and their order come from `spec/settings.py` alone, and `signature` shows them to
`inspect`, `help` and scikit-learn. `Parameters` repeats names and types for type checkers and
editors, which read no generated code; a test holds the two equal.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, TypedDict

from pydantic.fields import FieldInfo

from recurra.errors import SettingsError
from recurra.spec.cells import Activation, Reset
from recurra.spec.settings import SECTIONS, tasks_of

__all__ = ["FIELDS", "Parameters", "checked", "described", "fields_of", "signature"]

# The class is the task, y gives the labels, what is in memory has no encoding, and an estimator
# writes no files while it trains: neither checkpoints nor tracks.
_LEFT_OUT = ("task", "labels", "encoding", "track", "checkpoint_every")

FIELDS: Mapping[str, FieldInfo] = MappingProxyType(
    {
        name: field
        for section in ("model", "training", "data")
        for name, field in SECTIONS[section].model_fields.items()
        if name not in _LEFT_OUT
    }
)


@cache
def fields_of(task: str) -> Mapping[str, FieldInfo]:
    """The parameters that the estimator of a task has."""
    return MappingProxyType(
        {
            name: field
            for name, field in FIELDS.items()
            if (tasks := tasks_of(name)) is None or task in tasks
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
    crf: bool
    character_hidden: int
    character_embedding: int
    pair_embedding: int
    lag: int
    convolution: tuple[int, ...]
    convolution_width: int
    dense_before: tuple[int, ...]
    dense_after: tuple[int, ...]
    dense_activation: Activation
    tie: bool
    activation: Activation | None
    gate_activation: Activation
    bias: bool
    learn_initial_state: bool
    residual: bool
    dropout: float
    input_dropout: float | None
    variational: bool
    weight_dropout: float
    zoneout: float
    input_init: Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "uniform"]
    recurrent_init: Literal["orthogonal", "identity", "glorot_uniform", "glorot_normal", "uniform"]
    bias_init: Literal["zeros", "gate", "chrono"]
    chrono_length: int
    init_gain: Literal["none", "activation"]
    attention: Literal["none", "additive", "multiplicative", "dot"]
    beam: int
    length_penalty: float
    longest_output: int | None
    segment: int | None
    channels: Literal["joint", "separate"]
    decoding: Literal["direct", "recursive"]
    distribution: Literal["point", "gaussian", "student", "quantiles"]
    levels: tuple[float, ...]
    epochs: int
    batch_size: int
    window: int
    window_schedule: Literal["fixed", "random", "growing"]
    shortest_window: int | None
    truncated: bool
    transpose: int
    accumulate: int
    optimiser: str
    momentum: float
    nesterov: bool
    learning_rate: float
    schedule: Literal[
        "constant",
        "cosine",
        "linear",
        "step",
        "exponential",
        "one_cycle",
        "inverse_sqrt",
        "plateau",
    ]
    decay_factor: float
    decay_epochs: int
    warmup: float
    weight_decay: float
    clip: Literal["norm", "value", "adaptive", "auto"]
    clip_norm: float
    clip_value: float
    clip_ratio: float
    clip_percentile: float
    average: float
    l1_kernel: float
    l2_kernel: float
    l1_recurrent: float
    l2_recurrent: float
    l1_bias: float
    l2_bias: float
    activation_penalty: float
    temporal_penalty: float
    input_noise: float
    embedding_dropout: float
    constraint: Literal["none", "max_norm", "unit_norm", "non_negative"]
    constrained: tuple[str, ...]
    constrain_by: Literal["parametrisation", "projection"]
    max_norm: float
    class_weight: Literal["none", "balanced"]
    point_loss: Literal["mae", "mse", "huber"]
    label_smoothing: float
    focal: float
    loss: Literal[
        "auto", "cross_entropy", "binary_cross_entropy", "mse", "mae", "huber", "quantile"
    ]
    quantile: float
    teacher_forcing: float
    forcing_schedule: Literal["constant", "linear", "sigmoid"]
    calibrate: bool
    tune_threshold: bool
    coverage: float | None
    valid_fraction: float
    watch: Literal[
        "auto",
        "accuracy",
        "macro_f1",
        "log_loss",
        "ece",
        "auc",
        "mse",
        "mae",
        "r2",
        "nll",
        "bits",
        "perplexity",
        "mase",
        "smape",
        "pinball",
        "word_error_rate",
        "symbol_error_rate",
        "chrf",
        "bleu",
        "entity_f1",
        "entity_precision",
        "entity_recall",
    ]
    patience: int
    seed: int
    precision: Literal["float32", "float64", "bfloat16"]
    backend: Literal["auto", "native", "torch", "reference"]
    threads: int
    id: str | None
    time: str | None
    target: str | None
    features: tuple[str, ...] | None
    text: str | None
    variable: str | None
    value: str | None
    layout: Literal["ntc", "nct"]
    symbol: Literal["character", "word", "piece"]
    sequences: Literal["whole", "line"]
    frame_width: int | None
    min_count: int
    scheme: Literal["auto", "none", "bio", "bioes", "bmes"]
    lowercase: bool
    horizon: int
    lookback: int | None
    stride: int
    known: tuple[str, ...]
    calendar: tuple[Literal["minute", "hour", "weekday", "monthday", "yearday", "month"], ...]
    season: int | None
    scaling: Literal["standard", "robust", "mean", "none"]
    normalise: Literal["none", "last", "window"]
    missing: Literal["auto", "mean", "last", "linear", "mask", "decay"]
    winsorise: float
    pieces: int
    source_symbol: Literal["auto", "character", "space", "piece"]
    target_symbol: Literal["auto", "character", "space", "piece"]
    normalisation: Literal["NFC", "NFD", "NFKC", "NFKD", "none"]
    share_symbols: bool


def signature(task: str) -> inspect.Signature:
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
                for name, field in fields_of(task).items()
            ),
        ]
    )


def described(task: str) -> str:
    """One line a parameter, for a class's docstring."""
    lines = (f"    {name}: {field.description}" for name, field in fields_of(task).items())
    return "\n".join(["Args:", *lines])


def checked(given: Mapping[str, Any], task: str) -> Mapping[str, Any]:
    """`given`, once every name in it is a parameter; an unknown one is refused with the nearest."""
    known = fields_of(task)
    for name in given:
        if name not in known:
            raise SettingsError(
                f"unknown parameter {name!r}; did you mean "
                f"{difflib.get_close_matches(name, known, n=1, cutoff=0)[0]!r}?"
            )
    return given
