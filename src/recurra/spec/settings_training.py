"""Settings of how the network learns."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from recurra.spec.section import Section

__all__ = ["TrainingSettings"]


class TrainingSettings(Section):
    """How the network learns."""

    epochs: int = Field(
        60,
        ge=1,
        description="Most passes over the training part.",
        json_schema_extra={"search": "10..100:log"},
    )
    batch_size: int = Field(
        32,
        ge=1,
        description="Sequences in a step.",
        json_schema_extra={"search": "8..128:log"},
    )
    window: int = Field(
        128,
        ge=1,
        le=2**20,
        description="Steps after which back-propagation is cut; the state goes on.",
        json_schema_extra={"search": "16..256:log", "tasks": ["generate", "classify", "regress"]},
    )
    window_schedule: Literal["fixed", "random", "growing"] = Field(
        "fixed",
        description="Whether windows have always so many steps, are drawn between shortest_window "
        "and window, or grow from the one to the other over the epochs.",
        json_schema_extra={"tasks": ["generate", "classify", "regress"]},
    )
    shortest_window: int | None = Field(
        None,
        ge=1,
        le=2**20,
        description="Least steps of a random or growing window; default: a quarter of window.",
        json_schema_extra={"tasks": ["generate", "classify", "regress"]},
    )
    truncated: bool = Field(
        False,
        description="Cut back-propagation after each window: memory then stays the same however "
        "long the sequences are.",
        json_schema_extra={"tasks": ["classify", "regress"]},
    )
    transpose: int = Field(
        0,
        ge=0,
        description="Most places by which frames are moved up or down, drawn for each pass.",
        json_schema_extra={"search": "0..6", "tasks": ["generate"]},
    )
    accumulate: int = Field(
        1,
        ge=1,
        description="Batches whose gradients are summed before a step: one larger batch.",
        json_schema_extra={"search": "1..8"},
    )
    optimiser: str = Field(
        "adamw",
        description="gd (one step an epoch, from all of it), sgd, adam, adamw, nadam, radam, "
        "rmsprop, adagrad, or the name of another class of torch.optim.",
        json_schema_extra={"search": "adamw,sgd,adam,nadam,radam,rmsprop"},
    )
    momentum: float = Field(
        0.9,
        ge=0,
        lt=1,
        description="Of gd, sgd and rmsprop.",
        json_schema_extra={"search": "0..0.99"},
    )
    nesterov: bool = Field(
        False,
        description="Nesterov's momentum, for gd and sgd.",
        json_schema_extra={"search": "no,yes"},
    )
    learning_rate: float = Field(
        3e-3,
        gt=0,
        description="The highest that the schedule reaches.",
        json_schema_extra={"search": "1e-4..3e-2:log"},
    )
    schedule: Literal[
        "constant",
        "cosine",
        "linear",
        "step",
        "exponential",
        "one_cycle",
        "inverse_sqrt",
        "plateau",
    ] = Field(
        "cosine",
        description="How the learning rate falls after the warm-up.",
        json_schema_extra={"search": "constant,cosine,linear,one_cycle"},
    )
    decay_factor: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="By which step, exponential and plateau multiply the learning rate.",
        json_schema_extra={"search": "0.1..0.9"},
    )
    decay_epochs: int = Field(
        10,
        ge=1,
        description="Epochs from one such fall to the next; plateau: epochs without a better "
        "metric before one.",
        json_schema_extra={"search": "1..20:log"},
    )
    warmup: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Share of all steps over which the learning rate rises.",
        json_schema_extra={"search": "0..0.3"},
    )
    weight_decay: float = Field(
        1e-2,
        ge=0,
        description="AdamW's, on weights but not biases.",
        json_schema_extra={"search": "1e-4..1:log"},
    )
    clip: Literal["norm", "value", "adaptive", "auto"] = Field(
        "norm",
        description="How gradients are clipped: by their global norm, each by its value, each "
        "unit's by its weights' norm, or by a percentile of the norms so far.",
        json_schema_extra={"search": "norm,adaptive,auto"},
    )
    clip_norm: float = Field(
        1.0,
        ge=0,
        description="Largest global gradient norm of clip=norm; 0 does not clip.",
        json_schema_extra={"search": "0.1..10:log"},
    )
    clip_value: float = Field(
        1.0,
        gt=0,
        description="Largest value of clip=value.",
        json_schema_extra={"search": "0.1..10:log"},
    )
    clip_ratio: float = Field(
        0.01,
        gt=0,
        description="Largest ratio of a unit's gradient to its weights, clip=adaptive.",
        json_schema_extra={"search": "1e-3..0.1:log"},
    )
    clip_percentile: float = Field(
        10.0,
        gt=0,
        le=100,
        description="Of the gradient norms so far, clip=auto.",
        json_schema_extra={"search": "1..100:log"},
    )
    average: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Decay of the moving average of the weights that is measured and kept; 0: the "
        "weights themselves.",
        json_schema_extra={"search": "0..0.999"},
    )
    l1_kernel: float = Field(
        0.0,
        ge=0,
        description="Penalty on the sum of |input weights|.",
        json_schema_extra={"search": "1e-7..1e-3:log"},
    )
    l2_kernel: float = Field(
        0.0,
        ge=0,
        description="Penalty on the sum of squared input weights.",
        json_schema_extra={"search": "1e-7..1e-3:log"},
    )
    l1_recurrent: float = Field(
        0.0,
        ge=0,
        description="As l1_kernel, of recurrent weights.",
        json_schema_extra={"search": "1e-7..1e-3:log"},
    )
    l2_recurrent: float = Field(
        0.0,
        ge=0,
        description="As l2_kernel, of recurrent weights.",
        json_schema_extra={"search": "1e-7..1e-3:log"},
    )
    l1_bias: float = Field(
        0.0,
        ge=0,
        description="As l1_kernel, of biases.",
        json_schema_extra={"search": "1e-7..1e-3:log"},
    )
    l2_bias: float = Field(
        0.0,
        ge=0,
        description="As l2_kernel, of biases.",
        json_schema_extra={"search": "1e-7..1e-3:log"},
    )
    activation_penalty: float = Field(
        0.0,
        ge=0,
        description="Penalty on the mean square of the recurrent outputs (AR).",
        json_schema_extra={"search": "1e-3..3:log"},
    )
    temporal_penalty: float = Field(
        0.0,
        ge=0,
        description="Penalty on the mean square of their change in a step (TAR).",
        json_schema_extra={"search": "1e-3..3:log"},
    )
    input_noise: float = Field(
        0.0,
        ge=0,
        description="Standard deviation of the noise on scaled inputs in training.",
        json_schema_extra={"search": "0..0.3"},
    )
    embedding_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Chance that a symbol is unknown throughout a batch.",
        json_schema_extra={"search": "0..0.4"},
    )
    constraint: Literal["none", "max_norm", "unit_norm", "non_negative"] = Field(
        "none",
        description="What weights are kept to, unit by unit.",
        json_schema_extra={"search": "none,max_norm,unit_norm"},
    )
    constrained: tuple[str, ...] = Field(
        ("input_weight", "recurrent_weight"),
        description="Names of the weights that the constraint holds for.",
    )
    constrain_by: Literal["parametrisation", "projection"] = Field(
        "parametrisation",
        description="Whether gradients flow through the constraint, or weights are put back to it "
        "after each step.",
    )
    max_norm: float = Field(
        3.0,
        gt=0,
        description="Of constraint=max_norm.",
        json_schema_extra={"search": "0.5..5:log"},
    )
    class_weight: Literal["none", "balanced"] = Field(
        "none",
        description="balanced: each class weighs the same in the loss.",
        json_schema_extra={"search": "none,balanced", "tasks": ["classify", "tag"]},
    )
    point_loss: Literal["mae", "mse", "huber"] = Field(
        "mae",
        description="Loss of point forecasts: absolute, squared, or Huber's.",
        json_schema_extra={"search": "mae,mse,huber", "tasks": ["forecast"]},
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of each target's probability that is spread over all symbols.",
        json_schema_extra={"search": "0..0.2", "tasks": ["transduce", "classify"]},
    )
    focal: float = Field(
        0.0,
        ge=0,
        description="Gamma of the focal loss: cases that are right already count less.",
        json_schema_extra={"search": "0..3", "tasks": ["classify"]},
    )
    loss: Literal[
        "auto", "cross_entropy", "binary_cross_entropy", "mse", "mae", "huber", "quantile"
    ] = Field(
        "auto",
        description="Of classes and symbols cross_entropy, of two classes and frames "
        "binary_cross_entropy, of numbers mse, mae, huber or quantile; auto: cross_entropy, of "
        "frames binary_cross_entropy, of numbers mse, of tags a path's likelihood where there is a "
        "CRF.",
        json_schema_extra={"tasks": ["classify", "regress", "tag", "generate", "transduce"]},
    )
    quantile: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="Which one loss=quantile learns.",
        json_schema_extra={"tasks": ["regress"]},
    )
    teacher_forcing: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the decoder's inputs that are the true symbols, at the end of "
        "training; the others are its own guesses (scheduled sampling).",
        json_schema_extra={"search": "0..1", "tasks": ["transduce"]},
    )
    forcing_schedule: Literal["constant", "linear", "sigmoid"] = Field(
        "linear",
        description="How teacher_forcing is reached from 1 over the epochs.",
        json_schema_extra={"search": "constant,linear,sigmoid", "tasks": ["transduce"]},
    )
    calibrate: bool = Field(
        False,
        description="Fit the temperature of the probabilities on the held-out part.",
        json_schema_extra={"tasks": ["classify"]},
    )
    tune_threshold: bool = Field(
        False,
        description="Of two classes, call the second from that probability on which gives the best "
        "macro F1 on the held-out part.",
        json_schema_extra={"tasks": ["classify"]},
    )
    coverage: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Share of new cases whose truth shall lie in the answer's set or interval.",
        json_schema_extra={"tasks": ["classify", "regress", "tag", "forecast"]},
    )
    valid_fraction: float = Field(
        0.15, ge=0, lt=1, description="Share of the sequences held out to watch; 0: none."
    )
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
    ] = Field(
        "auto",
        description="The figure by which the best epoch is chosen; auto: accuracy of classes, mse "
        "of numbers, mase of forecasts, nll of what is generated, word_error_rate of what is "
        "transduced, entity_f1 of tags that spell spans, accuracy of others.",
    )
    patience: int = Field(
        25, ge=0, description="Epochs without a better metric before stopping; 0 never stops."
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Of everything random.")
    precision: Literal["float32", "float64", "bfloat16"] = Field(
        "float32", description="bfloat16: mixed precision, the weights stay float32."
    )
    backend: Literal["auto", "native", "torch", "reference"] = Field(
        "auto", description="What computes the recurrence in training."
    )
    threads: int = Field(0, ge=0, description="Threads of the computation; 0: torch's choice.")
    track: Literal["none", "tensorboard"] = Field(
        "none",
        description="Who is told the figures of each epoch, beside history.jsonl and history.csv.",
    )
    checkpoint_every: int = Field(
        1, ge=1, description="Epochs between checkpoints (a killed run resumes from the last)."
    )
