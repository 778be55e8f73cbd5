"""Trainings that are spoiled on purpose, each in one way that a person might spoil one."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.doctor import learning_faults as learning
from benchmarks.doctor import source_faults as source
from benchmarks.doctor.makers import Kinds
from benchmarks.doctor.trial import Trial

__all__ = ["faults"]


def faults() -> list[Trial]:
    """All of them."""
    found = []
    for fault, expected, kinds in _kinds():
        found += [Trial(fault, f"{fault}: {name}", expected, make) for name, make in kinds]
    return found


def _kinds() -> Iterator[tuple[str, tuple[str, ...], Kinds]]:
    yield "rate far too high", ("learning_rate_high", "diverged"), learning.rate_high()
    yield "rate that bursts", ("diverged",), learning.bursts()
    yield "rate far too low", ("learning_rate_low",), learning.rate_low()
    yield "clipped to nothing", ("clipping",), learning.clipped()
    yield "wrong scale", ("scaling",), source.scales()
    yield "bad beginning", ("saturation", "dead_units"), learning.beginnings()
    yield "dead units", ("dead_units",), learning.dead()
    yield "window too short", ("window",), source.windows()
    yield "past not felt", ("reach",), source.reaches()
    yield "leak", ("leak",), source.leaks()
    yield "shuffled targets", ("nothing_to_learn",), source.shuffled()
    yield "constant target", ("constant_target",), source.constant()
    yield "imbalance", ("imbalance",), source.imbalances()
    yield "batch too small", ("small_batch",), learning.batches()
    yield "overfitting", ("overfitting",), learning.overfits()
    yield "flat forecast", ("flat_forecast",), learning.flat()
    yield "held down", ("held_down",), learning.held_down()
