"""How the trainings of the benchmark are put together: data, settings, and spoiled beginnings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.doctor import sources
from benchmarks.doctor.sources import Random
from benchmarks.doctor.trial import Made
from recurra.codecs import Cases
from recurra.runtime import Parts
from recurra.spec.settings import Settings
from recurra.train.evaluate import weights_of
from recurra.train.fit import fit_cases

__all__ = [
    "DESCENT",
    "FORECAST",
    "PAIRS",
    "PROSE",
    "TAG",
    "Kinds",
    "Make",
    "begun",
    "classed",
    "filed",
    "shift",
    "times",
]

Make = Callable[[Random, Path], Made]
Kinds = list[tuple[str, Make]]
# A rate that is right for plain descent on these data, so that nothing else is at fault.
DESCENT: dict[str, Any] = {"optimiser": "sgd", "learning_rate": 0.1, "schedule": "constant"}
FORECAST: dict[str, Any] = {
    "task": "forecast",
    "horizon": 6,
    "hidden": 24,
    "epochs": 10,
    "lookback": 48,
}
TAG: dict[str, Any] = {
    "task": "tag",
    "epochs": 8,
    "hidden": 16,
    "embedding": 16,
    "character_hidden": 0,
}
PROSE: dict[str, Any] = {
    "task": "generate",
    "epochs": 6,
    "hidden": 48,
    "embedding": 24,
    "window": 32,
}
PAIRS: dict[str, Any] = {"task": "transduce", "epochs": 8, "hidden": 32, "embedding": 16}


def classed(
    source: Callable[..., Cases], /, data: Mapping[str, Any] | None = None, **settings: Any
) -> Make:
    """Series of a source with these settings."""

    def make(random: Random, folder: Path) -> Made:
        del folder
        return Made(source(random, **(data or {})), {"hidden": 24, "epochs": 20, **settings})

    return make


def filed(
    source: Callable[..., Path],
    base: dict[str, Any],
    /,
    data: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Make:
    """A file of a source with these settings."""

    def make(random: Random, folder: Path) -> Made:
        chosen = {**base, **settings}
        return Made(sources.read(source(random, folder, **(data or {})), chosen), chosen)

    return make


def begun(
    source: Callable[..., Cases], spoil: Callable[[dict[str, Any]], None], **more: Any
) -> Make:
    """A training that goes on from a network whose weights were spoiled."""

    def make(random: Random, folder: Path) -> Made:
        del folder
        cases = source(random)
        settings = {"hidden": 24, "epochs": 12, **more}
        return Made(cases, settings, base=_spoiled(cases, settings, spoil))

    return make


def times(weights: dict[str, Any], part: str, factor: float) -> None:
    """Multiply the weights whose path has this part."""
    for name in weights:
        if part in name:
            weights[name] *= factor


def shift(weights: dict[str, Any], part: str, by: float) -> None:
    """Move the weights whose path has this part."""
    for name in weights:
        if part in name:
            weights[name] += by


def _spoiled(
    cases: Cases, settings: dict[str, Any], spoil: Callable[[dict[str, Any]], None]
) -> Parts:
    """A network ahead of any training whose weights are then changed."""
    chosen = Settings.from_flat({"threads": 1, **settings, "epochs": 1, "learning_rate": 1e-12})
    fitted = fit_cases(cases, chosen)
    weights = {name: array.copy() for name, array in weights_of(fitted.module).items()}
    spoil(weights)
    task, codec = fitted.task, fitted.codec
    return Parts(task.name, fitted.graphs, weights, codec, task.decoder(codec))
