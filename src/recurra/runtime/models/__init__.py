"""The model of each task."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from recurra.errors import BundleError
from recurra.runtime.model import AbstractModel
from recurra.runtime.models.forecast import Forecast, ForecastModel
from recurra.runtime.models.generate import GenerateModel
from recurra.runtime.models.row import RowModel
from recurra.runtime.models.tag import TagModel
from recurra.runtime.models.transduce import TransduceModel
from recurra.runtime.parts import Parts
from recurra.spec.manifest import Manifest

__all__ = [
    "MODELS",
    "Forecast",
    "ForecastModel",
    "GenerateModel",
    "RowModel",
    "check_parts",
    "model_of",
]

_KINDS: tuple[type[AbstractModel], ...] = (
    RowModel,
    TagModel,
    GenerateModel,
    ForecastModel,
    TransduceModel,
)
MODELS: Mapping[str, type[AbstractModel]] = MappingProxyType(
    {task: kind for kind in _KINDS for task in kind.tasks}
)


def check_parts(parts: Parts) -> None:
    """Refuse parts whose task is unknown, or that do not fit one another (BundleError)."""
    if parts.task not in MODELS:
        raise BundleError(f"task must be one of {', '.join(MODELS)}; got {parts.task!r}")
    MODELS[parts.task].check(parts)


def model_of(
    parts: Parts, manifest: Manifest | None = None, networks: Mapping[str, Any] | None = None
) -> AbstractModel:
    """The model that these parts make.

    Args:
        parts: What it consists of.
        manifest: Of the bundle that it comes from, None where it comes from none.
        networks: What runs the graphs, by name, where it is not the runtime.

    Raises:
        BundleError: the task is unknown, or the parts do not fit one another.
    """
    check_parts(parts)
    return MODELS[parts.task](parts, manifest, networks)
