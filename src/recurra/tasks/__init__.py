"""Tasks: settings and a codec become a graph, a loss, a decoder and a metric."""

from __future__ import annotations

from recurra.errors import SettingsError
from recurra.tasks.abstract import AbstractTask, Learned
from recurra.tasks.classify import Classify
from recurra.tasks.regress import Regress
from recurra.tasks.tag import Tag

__all__ = ["TASKS", "AbstractTask", "Classify", "Learned", "Regress", "Tag", "task_for"]

TASKS: dict[str, type[AbstractTask]] = {task.name: task for task in (Classify, Regress, Tag)}


def task_for(name: str) -> AbstractTask:
    """The task of that name; an unknown one is refused with the list of those that exist."""
    if name not in TASKS:
        raise SettingsError(f"task must be one of {', '.join(TASKS)}; got {name!r}")
    return TASKS[name]()
