"""The settings that a search may vary, and over which values: written as text, checked by name.

    LOW..HIGH         numbers between two ends, both included; whole ones where the setting is whole
    LOW..HIGH:log     the same, drawn evenly over their logarithm
    A,B,C             one of these

A setting's own range stands beside it in the settings (`search`); those of `DEFAULT_SPACE` are
varied unless something else is said. A setting without a range of its own cannot be varied: it
says what is learnt or how it is judged, and figures would no longer be comparable.
"""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from recurra.errors import SettingsError
from recurra.spec.settings import SECTIONS, Settings, section_of, tasks_of
from recurra.spec.settings_rules import RULES

__all__ = [
    "DEFAULT_SPACE",
    "Choice",
    "Range",
    "Space",
    "own_range",
    "read_space",
    "spelt",
    "without_idle",
]

DEFAULT_SPACE = (
    "cell",
    "hidden",
    "layers",
    "dropout",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "clip_norm",
)


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Args:
        low: The least.
        high: The greatest, above `low`.
        log: Drawn evenly over their logarithm.
        whole: Only whole ones.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}{':log' if self.log else ''}"


@dataclass(frozen=True)
class Choice:
    """One of some values.

    Args:
        values: At least one, each once.
    """

    values: tuple[bool | int | float | str, ...]

    def __str__(self) -> str:
        return ",".join(spelt(value) for value in self.values)


Space = Mapping[str, Range | Choice]


def own_range(name: str) -> str | None:
    """The range that stands beside a setting, as text; None: it cannot be varied."""
    extra = SECTIONS[section_of(name)].model_fields[name].json_schema_extra
    said = extra.get("search") if isinstance(extra, dict) else None
    return said if isinstance(said, str) else None


def read_space(
    given: Sequence[str], task: str, *, fixed: Collection[str] = (), only: bool = False
) -> dict[str, Range | Choice]:
    """What is searched: the default space, changed by what a person gives.

    Args:
        given: "name=RANGE", or a name alone, which is varied over its own range.
        task: Settings that it does not understand are left out of the default space.
        fixed: Settings that were given a value, which are left out of it too.
        only: Leave out all of the default space.

    Raises:
        SettingsError: an unknown name, a range that its setting does not take, a setting that
            cannot be varied or that has a value already; nothing to search.
    """
    wanted: dict[str, str] = {}
    if not only:
        for name in DEFAULT_SPACE:
            tasks, text = tasks_of(name), own_range(name)
            if name not in fixed and text is not None and (tasks is None or task in tasks):
                wanted[name] = text
    for text in given:
        name, sign, values = (part.strip() for part in text.partition("="))
        name = name.replace("-", "_")
        own = own_range(name)
        if own is None:
            raise SettingsError(
                f"{name} cannot be searched: it decides what is learnt or how it is judged; give "
                "it a value instead"
            )
        tasks = tasks_of(name)
        if tasks is not None and task not in tasks:
            raise SettingsError(f"{name} belongs to {', '.join(tasks)}, the task is {task}")
        if name in fixed:
            raise SettingsError(f"{name} has a value and a range to search: give one of the two")
        wanted[name] = values if sign else own
    if not wanted:
        raise SettingsError(
            "nothing is left to search: name a setting with --space, such as "
            "--space learning_rate=1e-4..1e-1:log"
        )
    return {name: _read(name, text) for name, text in wanted.items()}


def without_idle(
    space: Space, given: Sequence[str], settings: Settings
) -> dict[str, Range | Choice]:
    """The space without what no trial would read, such as clip_norm beside clip=auto.

    Args:
        space: As `read_space` gives it.
        given: What a person asked for, which is refused instead of left out.
        settings: Of every trial, but for what is searched.

    Raises:
        SettingsError: what was asked for is read in no trial.
    """
    asked = {text.partition("=")[0].strip().replace("-", "_") for text in given}
    flat = settings.flat()

    def met(name: str) -> tuple[Any, ...]:
        values = space.get(name)
        if values is None:
            return (flat[name],)
        return values.values if isinstance(values, Choice) else (values.low, values.high)

    kept = {}
    for name, values in space.items():
        rules = RULES.get(name, ())
        if not rules or any(rule.read(value) for rule in rules for value in met(rule.other)):
            kept[name] = values
        elif name in asked:
            raise SettingsError(
                f"{name} is to be searched, and no trial would read it: it is read with "
                f"{' or '.join(rule.words for rule in rules)}; set that, or search it too"
            )
    return kept


def _read(name: str, text: str) -> Range | Choice:
    kind = _kind(name)
    low, dots, rest = text.partition("..")
    if not dots:
        return _choice(name, text, kind)
    if kind not in (int, float):
        raise SettingsError(f"{name} takes no range, got {text!r}: list values, as {name}=A,B")
    high, colon, word = rest.partition(":")
    if colon and word != "log":
        raise SettingsError(f"{name}: expected LOW..HIGH or LOW..HIGH:log, got {text!r}")
    ends = [_value(name, end, kind) for end in (low, high)]
    if not ends[0] < ends[1]:
        raise SettingsError(f"{name}: expected the lower end first, got {text!r}")
    if colon and ends[0] <= 0:
        raise SettingsError(f"{name}: a logarithm begins above 0, got {text!r}")
    return Range(ends[0], ends[1], bool(colon), kind is int)


def _choice(name: str, text: str, kind: Any) -> Choice:
    values = tuple(_value(name, part, kind) for part in text.split(","))
    if len(set(values)) < len(values):
        raise SettingsError(f"{name}: expected different values, got {text!r}")
    return Choice(values)


def _value(name: str, text: str, kind: Any) -> Any:
    """One value, of the setting's type and within its bounds."""
    text = text.strip()
    value: Any = text
    if kind is bool:
        if text not in ("yes", "no", "true", "false"):
            raise SettingsError(f"{name}: expected yes or no, got {text!r}")
        value = text in ("yes", "true")
    elif kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            what = "a whole number" if kind is int else "a number"
            raise SettingsError(f"{name}: expected {what}, got {text!r}") from None
    Settings.from_flat({name: value})
    return value


def _kind(name: str) -> Any:
    """int, float, bool or str."""
    annotation = SECTIONS[section_of(name)].model_fields[name].annotation
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = (part for part in get_args(annotation) if part is not type(None))
    return str if get_origin(annotation) is Literal else annotation


def spelt(value: bool | int | float | str) -> str:
    """A value as a person reads it: yes, 0.0123457, gru."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
