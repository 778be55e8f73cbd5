"""The model of each task, and the way from a bundle to its model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from recurra.errors import BundleError
from recurra.runtime.bundle import read_bundle
from recurra.runtime.model import AbstractModel
from recurra.runtime.models.forecast import Forecast, ForecastModel
from recurra.runtime.models.generate import GenerateModel
from recurra.runtime.models.row import RowModel
from recurra.runtime.models.tag import TagModel
from recurra.runtime.models.transduce import TransduceModel
from recurra.runtime.parts import Parts
from recurra.spec.manifest import Manifest

__all__ = ["MODELS", "Forecast", "ForecastModel", "GenerateModel", "RowModel", "load", "model_of"]

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
    if parts.task not in MODELS:
        raise BundleError(f"task must be one of {', '.join(MODELS)}; got {parts.task!r}")
    return MODELS[parts.task](parts, manifest, networks)


def load(folder: str | Path) -> AbstractModel:
    """The model of a bundle, ready to answer; it has just given its golden answers again.

    Raises:
        BundleError: the bundle is missing, damaged or forged, or the model answers otherwise here
            than where it was made.
    """
    bundle = read_bundle(folder)
    model = model_of(bundle.parts, bundle.manifest)
    bundle.golden.replay(model)
    return model
