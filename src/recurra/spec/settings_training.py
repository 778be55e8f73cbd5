"""Settings of how the network learns."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from recurra.spec.section import Section

__all__ = ["TrainingSettings"]


class TrainingSettings(Section):
    """How the network learns."""

    epochs: int = Field(60, ge=1, description="Most passes over the training part.")
    batch_size: int = Field(32, ge=1, description="Sequences in a step.")
    window: int = Field(
        128,
        ge=1,
        le=2**20,
        description="Steps after which back-propagation is cut; the state goes on.",
        json_schema_extra={"tasks": ["generate"]},
    )
    transpose: int = Field(
        0,
        ge=0,
        description="Most places by which frames are moved up or down, drawn for each pass.",
        json_schema_extra={"tasks": ["generate"]},
    )
    learning_rate: float = Field(3e-3, gt=0, description="The highest that the schedule reaches.")
    schedule: Literal["constant", "cosine", "linear"] = Field(
        "cosine", description="How the learning rate falls after the warm-up."
    )
    warmup: float = Field(
        0.05, ge=0, le=1, description="Share of all steps over which the learning rate rises."
    )
    weight_decay: float = Field(1e-2, ge=0, description="AdamW's, on weights but not biases.")
    clip_norm: float = Field(
        1.0, ge=0, description="Largest global gradient norm; 0 does not clip."
    )
    class_weight: Literal["none", "balanced"] = Field(
        "none", description="balanced: each class weighs the same in the loss."
    )
    point_loss: Literal["mae", "mse", "huber"] = Field(
        "mae",
        description="Loss of point forecasts: absolute, squared, or Huber's.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of each target's probability that is spread over all symbols.",
        json_schema_extra={"tasks": ["transduce"]},
    )
    teacher_forcing: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the decoder's inputs that are the true symbols, at the end of "
        "training; the others are its own guesses (scheduled sampling).",
        json_schema_extra={"tasks": ["transduce"]},
    )
    forcing_schedule: Literal["constant", "linear", "sigmoid"] = Field(
        "linear",
        description="How teacher_forcing is reached from 1 over the epochs.",
        json_schema_extra={"tasks": ["transduce"]},
    )
    valid_fraction: float = Field(
        0.15, ge=0, lt=1, description="Share of the sequences held out to watch; 0: none."
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
    checkpoint_every: int = Field(
        1, ge=1, description="Epochs between checkpoints (a killed run resumes from the last)."
    )
