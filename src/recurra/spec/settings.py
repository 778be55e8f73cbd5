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
from typing import Any, get_args

from pydantic import ValidationError

from recurra.errors import SettingsError
from recurra.spec.section import Section
from recurra.spec.settings_data import DataSettings
from recurra.spec.settings_model import ModelSettings
from recurra.spec.settings_rules import (
    RULES,
    refuse_absent_weights,
    refuse_wrong_loss,
    unread,
)
from recurra.spec.settings_training import TrainingSettings

__all__ = [
    "SECTIONS",
    "DataSettings",
    "ModelSettings",
    "Settings",
    "TrainingSettings",
    "refuse_foreign",
    "section_of",
    "tasks_of",
    "without_unread",
]


class Settings(Section):
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
                if isinstance(values[name], bool) and _is_number(section, name):
                    raise SettingsError(f"{name}: expected a number, got {values[name]!r}")
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


SECTIONS: dict[str, type[Section]] = {
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


def _is_number(section: str, name: str) -> bool:
    """Whether a setting is a number: of yes and no Python would make 1 and 0."""
    annotation = SECTIONS[section].model_fields[name].annotation
    kinds = {annotation, *get_args(annotation)}
    return bool(kinds & {int, float}) and bool not in kinds


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
    """Refuse a setting that was changed although `task` does not understand it, or although the
    other settings are such that nothing reads it (SettingsError)."""
    plain = Settings().flat()
    for name, value in settings.flat().items():
        tasks = tasks_of(name)
        if tasks is not None and task not in tasks and value != plain[name]:
            raise SettingsError(
                f"{name}={value!r} belongs to {', '.join(tasks)}, the task is {task}: leave it "
                "out, or name the task"
            )
    if settings.data.symbol == "piece" and task != "generate":
        raise SettingsError(
            f"symbol='piece' belongs to generate, the task is {task}: take character or word"
        )
    refuse_wrong_loss(settings.flat(), task)
    refuse_absent_weights(settings.flat())
    for name, why in unread(settings.flat(), plain).items():
        raise SettingsError(
            f"{name}={settings.flat()[name]!r} is read with {why}: leave it out, or change that"
        )


def without_unread(settings: Settings, *others: str) -> Settings:
    """The settings, at its default what one of these others (none named: any) leaves unread."""
    flat, plain = settings.flat(), Settings().flat()
    names = [
        name
        for name in unread(flat, plain)
        if not others or any(rule.other in others for rule in RULES[name])
    ]
    return Settings.from_flat({name: plain[name] for name in names}, settings)


def _unknown(what: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0)
    return f"unknown {what} {name!r}; did you mean {near[0]!r}?"
