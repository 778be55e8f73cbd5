"""Whether what is to be searched can be trained at all, found out ahead of the first trial."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from recurra.errors import SettingsError, SpecError
from recurra.spec.graph import Graph
from recurra.spec.settings import Settings, refuse_foreign, without_unread
from recurra.spec.settings_rules import NUMBERS_ONLY, SYMBOLS_ONLY, refuse_unfed
from recurra.spec.space import Choice, Range, Space
from recurra.tasks import task_for

__all__ = ["refuse_untrainable"]


def refuse_untrainable(
    space: Space, settings: Settings, task: str, graphs: Mapping[str, Graph]
) -> None:
    """Refuse a setting that is to be searched where trials would be refused for it.

    Each value is tried with the other settings as they are, and beside each value of every other
    choice that is searched: settings that contradict each other in some trials only are for these.

    Args:
        space: What is searched.
        settings: Of every trial, but for that.
        task: Its name.
        graphs: The networks of these settings.

    Raises:
        SettingsError: names the setting and why.
    """
    flat, plain = settings.flat(), Settings().flat()
    refuse_unfed(flat, plain, graphs)
    for name, values in space.items():
        tried = _tried(values)
        if name in (*SYMBOLS_ONLY, *NUMBERS_ONLY):
            changed = [value for value in tried if value != plain[name]]
            refuse_unfed(flat | {name: changed[0] if changed else plain[name]}, plain, graphs)
        refused = [why for value in tried if (why := _refused(name, value, space, settings, task))]
        # Of a range one of the values that are tried may be the default, which is never refused.
        most = len(tried) - 1 if isinstance(values, Choice) else len(tried) // 2
        if len(refused) > most:
            raise SettingsError(f"{name} is to be searched, and its trials fail: {refused[0]}")


def _tried(values: Range | Choice) -> list[Any]:
    if isinstance(values, Choice):
        return list(values.values)
    middle = (values.low + values.high) / 2
    if values.log:
        middle = math.sqrt(values.low * values.high)
    return [values.low, round(middle) if values.whole else middle, values.high]


def _refused(
    name: str, value: Any, space: Space, settings: Settings, task: str
) -> SettingsError | SpecError | None:
    """Why a value is refused whatever the others are; None: it is taken."""
    first = None
    for other in _others(name, space):
        chosen = without_unread(Settings.from_flat(other | {name: value}, settings))
        try:
            refuse_foreign(chosen, task)
            task_for(task, chosen)
        except (SettingsError, SpecError) as error:
            first = first or error
        else:
            return None
    return first


def _others(name: str, space: Space) -> Iterator[dict[str, Any]]:
    yield {}
    for other, values in space.items():
        if other != name and isinstance(values, Choice):
            yield from ({other: value} for value in values.values)
