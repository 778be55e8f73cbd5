"""The range test: raise the learning rate step by step and watch where the loss falls and bursts.

    rate_k = lowest * (highest / lowest)^(k / (K - 1)),   k = 0 ... K - 1

It is a training like any other, by the same loop: clipping, penalties, accumulation and the state
that stateful training carries from batch to batch are those that the real one will have. Only the
schedule is the test's, and the weights are thrown away.

Source: Smith 2017, "Cyclical Learning Rates for Training Neural Networks", arXiv:1506.01186,
section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any, cast

import numpy as np
import torch

from recurra.codecs import Cases, task_of
from recurra.errors import SettingsError, TrainingError
from recurra.spec.batch import Batch
from recurra.spec.report import EpochRecord, RangeTest
from recurra.spec.settings import Settings, TrainingSettings, refuse_foreign
from recurra.spec.settings_rules import refuse_unfed
from recurra.tasks import AbstractTask, Learned, task_for
from recurra.train.device import accelerator_for, threads_of
from recurra.train.fit import network_for, settled
from recurra.train.loop import Loop, Run
from recurra.train.pictures import COLOURS, Line, Panel, draw
from recurra.train.progress import Plan
from recurra.train.randomness import isolated

__all__ = ["find_lr", "range_curve", "smoothed", "suggestion", "unclear"]

# Steps about each over which the loss is averaged: fewer follow the batches, more blur the fall.
_SPREAD = 3.0
# So near to an end of the range the fall may be the end's own: nothing is known beyond it.
_EDGE = 3
# Steps that are averaged to see a burst.
_PATIENT = 5
# A fall is one of at least this share of the first loss; less is the batches' own.
_LEAST_FALL = 0.02


def find_lr(
    cases: Cases,
    settings: Settings,
    *,
    steps: int = 100,
    lowest: float = 1e-6,
    highest: float = 1.0,
) -> RangeTest:
    """Train for `steps` optimiser steps of a rising rate, or until the loss bursts.

    Args:
        cases: With targets; `valid_fraction` of them take no part, as in a training.
        settings: Of the training; `learning_rate`, `schedule`, `warmup` and `epochs` are not read.
        steps: K.
        lowest: The first rate.
        highest: The last rate.

    Raises:
        SettingsError: rates or steps out of range.
        TrainingError: the loss burst too early to say anything.
        KeyboardInterrupt: Ctrl-C came.
    """
    if not 0 < lowest <= highest < math.inf:
        raise SettingsError(
            f"expected 0 < lowest <= highest, both finite, got {lowest} and {highest}"
        )
    if steps < 2:
        raise SettingsError(f"a range test needs at least 2 steps, got {steps}")
    chosen = settings.training
    task = task_for(task_of(cases, settings.data), settings)
    refuse_foreign(settings, task.name)
    settings = settled(settings, cases)
    train, _ = task.parts(cases, settings)
    codec = task.codec(train, settings)
    encoded = task.encoded(codec, train, settings, training=True)
    task = task.weighed(encoded, chosen)
    graphs = task.graphs(settings.model, codec)
    refuse_unfed(settings.flat(), Settings().flat(), graphs)
    with (
        isolated(chosen.seed),
        threads_of(chosen.threads),
        accelerator_for(chosen.precision, chosen.backend) as accelerator,
    ):
        noting = _Noting(task)
        # It does all that a task does, and notes each loss.
        learnt = cast(AbstractTask, noting)
        network = network_for(task, graphs, settings)
        loop = Loop(
            network,
            learnt,
            encoded,
            lambda: (0.0, 0.0),
            # Of epochs as many as may be needed: each has a step at least.
            chosen.model_copy(update={"epochs": steps}),
            accelerator,
            watched=False,
            rate=lambda step: lowest * (highest / lowest) ** (step / (steps - 1)),
        )
        test = _Test(noting, steps, lowest, highest)
        try:
            run = loop.run(Run(), test, lambda _: None)
        except TrainingError:
            # A loss beyond all numbers is where the curve ends.
            test.burst = True
        else:
            if run.stopped == "interrupted" and not test.over:
                raise KeyboardInterrupt
    return _told(test, chosen)


def smoothed(losses: Sequence[float]) -> list[float]:
    """Each loss with its neighbours, weighed by a bell of a few steps: no step is late."""
    values = np.asarray(losses, np.float64)
    steps = np.arange(len(values))
    bell = np.exp(-0.5 * np.square((steps[:, None] - steps) / _SPREAD))
    means: list[float] = (bell @ values / bell.sum(axis=1)).tolist()
    return means


def suggestion(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """The rate at which the smoothed loss falls fastest; None where the curve does not say.

    Args:
        rates: Rising by a constant factor.
        losses: Smoothed, one a rate.
    """
    return None if unclear(losses) else float(rates[_steepest(losses)])


def unclear(losses: Sequence[float]) -> str | None:
    """Why a curve names no rate, and what to try; None where it names one."""
    if len(losses) < 2 * _EDGE + 1:
        return f"{len(losses)} steps are too few to see where the loss falls: try more --steps"
    if losses[0] - min(losses) < _LEAST_FALL * abs(losses[0]):
        return "the loss never falls: try more --steps, or a larger network or batch"
    place = _steepest(losses)
    if place < _EDGE:
        return "the loss falls fastest at the very beginning: try a smaller --lowest"
    if place > len(losses) - 1 - _EDGE:
        return "the loss still falls fastest at the very end: try a larger --highest"
    return None


def _steepest(losses: Sequence[float]) -> int:
    """Where the loss falls fastest, ahead of where it is lowest."""
    slopes = np.gradient(np.asarray(losses, np.float64))[: int(np.argmin(losses)) + 1]
    return int(np.argmin(slopes))


def range_curve(found: RangeTest) -> str:
    """The picture: each step's loss, faint, and the smoothed one, over the rate."""
    rates, colour = found["learning_rates"], COLOURS[0]
    lines = [
        Line(rates, found["losses"], colour, faint=True),
        Line(rates, found["smoothed"], colour),
    ]
    best = found["learning_rate"]
    marks = [] if best is None else [(best, f"{best:.2g}")]
    panel = Panel("Range test", "learning rate", lines, log_x=True, log_y=False, marks=marks)
    return draw([panel], "Loss over the learning rate")


class _Noting:
    """A task that notes the loss of each batch; everything else is the task's own."""

    def __init__(self, task: AbstractTask, notes: list[tuple[float, float]] | None = None) -> None:
        self._task = task
        self.notes: list[tuple[float, float]] = [] if notes is None else notes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)

    def at_epoch(self, epoch: int, settings: TrainingSettings) -> _Noting:
        """The task of that epoch; it notes in the same place."""
        return _Noting(self._task.at_epoch(epoch, settings), self.notes)

    def learn(
        self, network: Any, batch: Batch, carry: Any, device: torch.device, dtype: torch.dtype
    ) -> Learned:
        """What the task learns, noted."""
        learned = self._task.learn(network, batch, carry, device, dtype)
        self.notes.append((float(learned.total.detach()), float(learned.weight)))
        return learned


class _Test:
    """A Progress that gathers the loss of each step and ends the training when it has seen enough.

    Args:
        noting: Whose notes it reads: one for each batch of a step.
        steps: K.
        lowest: The first rate.
        highest: The last rate.
    """

    def __init__(self, noting: _Noting, steps: int, lowest: float, highest: float) -> None:
        self._noting, self._steps = noting, steps
        self._lowest, self._factor = lowest, highest / lowest
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.burst = self.over = False

    def on_start(self, plan: Plan) -> None:
        """Nothing."""

    def on_step(
        self, epoch: int, batch: int, loss: float, metric: float | None, speed: float, eta_s: float
    ) -> None:
        """Note the step; KeyboardInterrupt, which ends a training in order, after the last one."""
        del epoch, batch, loss, metric, speed, eta_s
        notes = self._noting.notes
        self.losses.append(sum(n for n, _ in notes) / sum(weight for _, weight in notes))
        notes.clear()
        self.rates.append(self._lowest * self._factor ** (len(self.rates) / (self._steps - 1)))
        self.burst = self._has_burst()
        self.over = self.burst or len(self.rates) == self._steps
        if self.over:
            raise KeyboardInterrupt

    def on_epoch(self, record: EpochRecord, best: bool) -> None:
        """Nothing."""

    def on_end(self, stopped: str) -> None:
        """Nothing."""

    def _has_burst(self) -> bool:
        """Whether the loss has doubled, and risen further than it ever fell."""
        if len(self.losses) < 2 * _PATIENT:
            return False
        # Single batches differ too much to be believed.
        first, newest = fmean(self.losses[:_PATIENT]), fmean(self.losses[-_PATIENT:])
        return newest - first > max(first - min(self.losses), abs(first))


def _told(test: _Test, chosen: TrainingSettings) -> RangeTest:
    if test.burst and len(test.losses) < _PATIENT:
        raise TrainingError(
            f"the loss burst after {len(test.losses)} steps of a range test, ahead of anything to "
            "be seen: begin with a smaller --lowest, or look for huge values among the features"
        )
    means = smoothed(test.losses)
    best = suggestion(test.rates, means)
    return RangeTest(
        learning_rate=best,
        why=unclear(means),
        now=chosen.learning_rate,
        lowest_at=test.rates[int(np.argmin(means))],
        burst_at=test.rates[-1] if test.burst else None,
        learning_rates=test.rates,
        losses=test.losses,
        smoothed=means,
    )
