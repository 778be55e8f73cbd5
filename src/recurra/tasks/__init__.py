"""Tasks: settings and a codec become a graph, a loss, a decoder and a metric."""

from __future__ import annotations

from recurra.errors import SettingsError
from recurra.spec.settings import Settings
from recurra.tasks.abstract import AbstractTask, Learned
from recurra.tasks.classify import Classify
from recurra.tasks.forecast import Forecast
from recurra.tasks.generate import Generate
from recurra.tasks.regress import Regress
from recurra.tasks.tag import Tag
from recurra.tasks.transduce import Transduce

__all__ = [
    "TASKS",
    "AbstractTask",
    "Classify",
    "Forecast",
    "Generate",
    "Learned",
    "Regress",
    "Tag",
    "Transduce",
    "task_for",
]

TASKS: dict[str, type[AbstractTask]] = {
    task.name: task for task in (Classify, Regress, Tag, Forecast, Generate, Transduce)
}


def task_for(name: str, settings: Settings | None = None) -> AbstractTask:
    """The task of that name, as the settings choose it (None: as by default).

    Raises:
        SettingsError: there is none of that name.
    """
    if name not in TASKS:
        raise SettingsError(f"task must be one of {', '.join(TASKS)}; got {name!r}")
    return TASKS[name].of(settings or Settings())
