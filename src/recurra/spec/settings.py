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
    "section_of",
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class DataSettings(_Section):
    """Where the sequences are and what they mean."""

    task: Literal["auto", "classify", "regress"] = Field(
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


class ModelSettings(_Section):
    """The network."""

    cell: Literal["gru", "lstm", "rnn"] = Field("gru", description="Recurrent cell.")
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
    activation: Activation = Field("tanh", description="Of the candidate.")
    gate_activation: Activation = Field("sigmoid", description="Of the gates.")
    bias: bool = Field(True, description="Two bias vectors in each cell.")
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


def _unknown(what: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0)
    return f"unknown {what} {name!r}; did you mean {near[0]!r}?"
