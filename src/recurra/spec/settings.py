"""Every setting, once: the command line's flags, the TOML's keys and Python's arguments.

A section is a pydantic model; leaf names are unique over all sections, so that a flag
(`--learning-rate`), a TOML key (`[training] learning_rate`) and an argument
(`SequenceClassifier(learning_rate=...)`) are the same word. A field's description is its help.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recurra.errors import SettingsError
from recurra.spec.cells import Activation, Reset

__all__ = [
    "SECTIONS",
    "DataSettings",
    "ModelSettings",
    "Settings",
    "TrainingSettings",
    "refuse_foreign",
    "section_of",
    "tasks_of",
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class DataSettings(_Section):
    """Where the sequences are and what they mean."""

    task: Literal["auto", "classify", "regress", "forecast", "tag"] = Field(
        "auto", description="What to learn; auto looks at the target."
    )
    id: str | None = Field(
        None, description="Column that tells which sequence a row belongs to (long tables)."
    )
    time: str | None = Field(
        None, description="Column of the time of a row; rows must come in its order."
    )
    target: str | None = Field(None, description="Column to predict, constant within an id.")
    features: tuple[str, ...] | None = Field(
        None, description="Columns to read; default: every numeric column that is nothing else."
    )
    text: str | None = Field(None, description="Column that holds a text, for text tables.")
    variable: str | None = Field(
        None,
        description="Column that names what was measured, in tables with one measurement a row.",
    )
    value: str | None = Field(
        None, description="Column of the measurements, in tables with one measurement a row."
    )
    labels: Path | None = Field(
        None, description="A second table that gives the target of each id."
    )
    layout: Literal["ntc", "nct"] = Field(
        "ntc", description="Axes of arrays: cases, time, channels; or cases, channels, time."
    )
    symbol: Literal["character", "word"] = Field(
        "character", description="What a text is cut into."
    )
    min_count: int = Field(
        1, ge=1, description="A symbol seen fewer times in training becomes unknown."
    )
    scheme: Literal["auto", "none", "bio", "bioes", "bmes"] = Field(
        "auto",
        description="How tags spell spans; files in another scheme are converted. auto: as they "
        "are written; none: tags are plain classes.",
        json_schema_extra={"tasks": ["tag"]},
    )
    lowercase: bool = Field(
        False,
        description="Look words up in lower case; their characters keep theirs.",
        json_schema_extra={"tasks": ["tag"]},
    )
    horizon: int = Field(
        24,
        ge=1,
        le=65536,
        description="Rows ahead to forecast.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    lookback: int | None = Field(
        None,
        ge=1,
        le=2**20,
        description="Rows of history that a forecast reads; default: at least two seasons and "
        "two horizons.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    stride: int = Field(
        1,
        ge=1,
        description="Rows between the forecasts that are measured.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    known: tuple[str, ...] = Field(
        (),
        description="Covariates whose future is known; features are those whose future is not.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    calendar: tuple[Literal["minute", "hour", "weekday", "monthday", "yearday", "month"], ...] = (
        Field(
            (),
            description="Calendar features to take from the time column (in UTC).",
            json_schema_extra={"tasks": ["forecast"]},
        )
    )
    season: int | None = Field(
        None,
        ge=1,
        description="Rows after which things come again; default: a day, a week or a year, as the "
        "time column suggests.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    scaling: Literal["standard", "robust", "mean", "none"] = Field(
        "standard",
        description="Of each series: by mean and deviation, median and quartiles, mean size.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    normalise: Literal["none", "last", "window"] = Field(
        "last",
        description="Of each window: its last value taken off, or its mean and deviation.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    missing: Literal["auto", "mean", "last", "linear", "mask", "decay"] = Field(
        "auto",
        description="What stands in for missing values of series: the feature's mean; its last "
        "value; a line between two values; three inputs, value, flag and time since (mask); or a "
        "GRU-D, whose inputs and state fade (decay). auto: last, where there are any.",
    )
    winsorise: float = Field(
        0.0,
        ge=0,
        lt=0.5,
        description="Share of a feature's values at either end that are cut to the value there.",
    )
    pieces: int = Field(
        2000,
        ge=257,
        description="Most byte-pair pieces, where texts are cut into these.",
        json_schema_extra={"tasks": ["generate", "transduce"]},
    )
    source_symbol: Literal["auto", "character", "space", "piece"] = Field(
        "auto",
        description="What a source is cut into: characters, what stands between spaces, or "
        "byte-pair pieces; auto: space where most sources hold spaces, else character.",
        json_schema_extra={"tasks": ["transduce"]},
    )
    target_symbol: Literal["auto", "character", "space", "piece"] = Field(
        "auto",
        description="What a target is cut into, as source_symbol.",
        json_schema_extra={"tasks": ["transduce"]},
    )
    normalisation: Literal["NFC", "NFD", "NFKC", "NFKD", "none"] = Field(
        "NFC",
        description="Unicode normalisation form in which pairs are read; decomposed answers are "
        "composed again.",
        json_schema_extra={"tasks": ["transduce"]},
    )
    share_symbols: bool = Field(
        False,
        description="Sources and targets share one vocabulary and one embedding.",
        json_schema_extra={"tasks": ["transduce"]},
    )


class ModelSettings(_Section):
    """The network."""

    cell: Literal["gru", "lstm", "rnn", "mingru"] = Field("gru", description="Recurrent cell.")
    reset: Reset = Field("after", description="Where the GRU's reset gate acts; none: no gate.")
    hidden: int = Field(64, ge=1, le=65536, description="Units of a layer, H.")
    layers: int = Field(1, ge=1, le=64, description="Recurrent layers above one another.")
    bidirectional: bool = Field(
        False, description="Read both ways; such a model cannot run one step at a time."
    )
    pool: tuple[Literal["last", "mean", "max"], ...] = Field(
        ("last", "mean", "max"), min_length=1, description="How steps become one row, concatenated."
    )
    embedding: int = Field(64, ge=1, le=65536, description="Width of a symbol's vector (texts).")
    crf: bool = Field(
        True,
        description="Score neighbouring tags by a linear-chain CRF.",
        json_schema_extra={"tasks": ["tag"]},
    )
    character_hidden: int = Field(
        32,
        ge=0,
        le=65536,
        description="Units a direction of the encoder of a word's characters; 0: none.",
        json_schema_extra={"tasks": ["tag"]},
    )
    character_embedding: int = Field(
        32,
        ge=1,
        le=65536,
        description="Width of a character's vector in that encoder.",
        json_schema_extra={"tasks": ["tag"]},
    )
    pair_embedding: int = Field(
        0,
        ge=0,
        le=65536,
        description="Width of the vector of a token and the one before it; 0: none.",
        json_schema_extra={"tasks": ["tag"]},
    )
    lag: int = Field(
        0,
        ge=0,
        le=4096,
        description="Steps that a stream waits before it gives a step its tag.",
        json_schema_extra={"tasks": ["tag"]},
    )
    activation: Activation | None = Field(
        None,
        description="Of the candidate; default: the cell's own (minGRU identity, others tanh).",
    )
    gate_activation: Activation = Field("sigmoid", description="Of the gates.")
    bias: bool = Field(True, description="Bias vectors in each cell.")
    learn_initial_state: bool = Field(False, description="Make the initial state a parameter.")
    residual: bool = Field(False, description="Add a layer's input to its output where they fit.")
    dropout: float = Field(
        0.2, ge=0, lt=1, description="Before, between and after the recurrent layers."
    )
    variational: bool = Field(False, description="One dropout draw a sequence, not one a step.")
    weight_dropout: float = Field(0.0, ge=0, lt=1, description="Of the recurrent weights.")
    zoneout: float = Field(0.0, ge=0, lt=1, description="Chance that a unit keeps its old value.")
    input_init: Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "uniform"] = (
        Field("glorot_uniform", description="Initial input weights, gate by gate.")
    )
    recurrent_init: Literal[
        "orthogonal", "identity", "glorot_uniform", "glorot_normal", "uniform"
    ] = Field("orthogonal", description="Initial recurrent weights, gate by gate.")
    bias_init: Literal["zeros", "gate", "chrono"] = Field(
        "zeros",
        description="Initial biases: zeros; gate: forget gate +1, update gate -1 (remember); "
        "chrono: for memory up to chrono_length steps.",
    )
    chrono_length: int = Field(100, ge=3, description="Longest memory that chrono prepares for.")
    attention: Literal["none", "additive", "multiplicative", "dot"] = Field(
        "multiplicative",
        description="How the decoder reads the encoder: additive (Bahdanau 2014), multiplicative "
        "or dot (Luong 2015); none: one fixed vector at every step (Cho 2014).",
        json_schema_extra={"tasks": ["transduce"]},
    )
    beam: int = Field(
        5,
        ge=1,
        le=1024,
        description="Hypotheses that are kept while an output is searched; 1: greedy.",
        json_schema_extra={"tasks": ["transduce"]},
    )
    length_penalty: float = Field(
        0.0,
        ge=0,
        description="Hypotheses are ranked by log-probability / length ** length_penalty.",
        json_schema_extra={"tasks": ["transduce"]},
    )
    longest_output: int | None = Field(
        None,
        ge=1,
        description="Most symbols of an output; default: twice the longest target of training.",
        json_schema_extra={"tasks": ["transduce"]},
    )
    segment: int | None = Field(
        None,
        ge=1,
        description="Rows that a step of the network reads; default: a season, where two of them "
        "fit into the look-back.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    channels: Literal["joint", "separate"] = Field(
        "separate",
        description="Whether the network reads all targets together or each for itself.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    decoding: Literal["direct", "recursive"] = Field(
        "direct",
        description="All rows of the horizon at once, or a segment after the other, each read as "
        "history by the next.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    distribution: Literal["point", "gaussian", "student", "quantiles"] = Field(
        "point",
        description="What a forecast is: a number, a distribution, or quantiles.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    levels: tuple[float, ...] = Field(
        (0.1, 0.5, 0.9),
        min_length=1,
        description="Of the quantiles that are given; the outermost are the prediction interval.",
        json_schema_extra={"tasks": ["forecast"]},
    )


class TrainingSettings(_Section):
    """How the network learns."""

    epochs: int = Field(60, ge=1, description="Most passes over the training part.")
    batch_size: int = Field(32, ge=1, description="Sequences in a step.")
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


class Settings(_Section):
    """All sections."""

    data: DataSettings = DataSettings()
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()

    @staticmethod
    def from_flat(values: Mapping[str, Any], base: Settings | None = None) -> Settings:
        """Settings from leaf names, over `base` (default: the defaults).

        Raises:
            SettingsError: a name is unknown (the nearest is given) or a value out of range.
        """
        tree = (base or Settings()).model_dump()
        for name, value in values.items():
            tree[section_of(name)][name] = value
        return Settings.from_tree(tree)

    @staticmethod
    def from_tree(tree: Any) -> Settings:
        """Settings from sections, as a TOML gives them; the errors of `from_flat`."""
        if not isinstance(tree, Mapping):
            raise SettingsError(f"settings are a table of sections, got {type(tree).__name__}")
        for section, values in tree.items():
            if section in _LEAVES:
                raise SettingsError(f"setting {section!r} belongs in [{_LEAVES[section]}]")
            if section not in SECTIONS:
                raise SettingsError(_unknown("section", section, list(SECTIONS)))
            if not isinstance(values, Mapping):
                raise SettingsError(f"[{section}] must be a table, got {values!r}")
            for name in values:
                if name not in SECTIONS[section].model_fields:
                    home = next((s for s, m in SECTIONS.items() if name in m.model_fields), None)
                    if home is not None:
                        raise SettingsError(f"setting {name!r} belongs in [{home}]")
                    raise SettingsError(_unknown("setting", name, list(_LEAVES)))
        try:
            return Settings.model_validate(tree)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"][1:])
            wanted = _WANTED.get(first["type"], first["msg"])
            raise SettingsError(f"{name}: {wanted}, got {first['input']!r}") from None

    @staticmethod
    def from_toml(path: Path) -> Settings:
        """Settings from a TOML file; errors name the file."""
        try:
            # Some editors put a byte order mark before the text.
            return Settings.from_tree(tomllib.loads(path.read_text("utf-8-sig")))
        except OSError as error:
            raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise SettingsError(f"{path}: expected UTF-8 text: save the file as UTF-8") from None
        except (tomllib.TOMLDecodeError, SettingsError) as error:
            raise SettingsError(f"{path}: {error}") from None

    def flat(self) -> dict[str, Any]:
        """Every leaf name with its value."""
        return {name: value for part in self.model_dump().values() for name, value in part.items()}


SECTIONS: dict[str, type[_Section]] = {
    "data": DataSettings,
    "model": ModelSettings,
    "training": TrainingSettings,
}
_LEAVES = {name: section for section, model in SECTIONS.items() for name in model.model_fields}


# What pydantic says in Python's words.
_WANTED = {
    "tuple_type": 'expected a list such as ["a", "b"]',
    "path_type": "expected the path of a file as text",
}


def section_of(name: str) -> str:
    """The section that a leaf name belongs to; an unknown one is refused with the nearest."""
    if name not in _LEAVES:
        raise SettingsError(_unknown("setting", name, list(_LEAVES)))
    return _LEAVES[name]


def tasks_of(name: str) -> tuple[str, ...] | None:
    """The tasks that understand a setting; None: all."""
    extra = SECTIONS[section_of(name)].model_fields[name].json_schema_extra
    said = extra.get("tasks") if isinstance(extra, dict) else None
    return tuple(str(task) for task in said) if isinstance(said, list) else None


def refuse_foreign(settings: Settings, task: str) -> None:
    """Refuse a setting that was changed although `task` does not understand it (SettingsError)."""
    plain = Settings().flat()
    for name, value in settings.flat().items():
        tasks = tasks_of(name)
        if tasks is not None and task not in tasks and value != plain[name]:
            raise SettingsError(
                f"{name}={value!r} belongs to {', '.join(tasks)}, the task is {task}: leave it "
                "out, or name the task"
            )


def _unknown(what: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0)
    return f"unknown {what} {name!r}; did you mean {near[0]!r}?"
