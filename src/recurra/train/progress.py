"""What a training tells whoever watches: a protocol of four calls, and a silent watcher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from recurra.spec.report import EpochRecord

__all__ = ["Plan", "Progress", "Silent"]


@dataclass(frozen=True)
class Plan:
    """What is about to be done.

    Args:
        task: Its name.
        epochs: Most epochs.
        epoch: The first one to run, counted from 1; above 1 when resumed.
        batches: Optimiser steps of an epoch.
        cases: What is trained on, so many.
        parameters: Numbers to learn.
        metric: Name of the metric that is watched.
        unit: What one of the cases is called.
    """

    task: str
    epochs: int
    epoch: int
    batches: int
    cases: int
    parameters: int
    metric: str
    unit: str = "sequence"


class Progress(Protocol):
    """Watches a training; what a call raises stops it (KeyboardInterrupt: cleanly)."""

    def on_start(self, plan: Plan) -> None:
        """Once, before the first step."""

    def on_step(
        self, epoch: int, batch: int, loss: float, metric: float | None, speed: float, eta_s: float
    ) -> None:
        """After each optimiser step.

        Args:
            epoch: Counted from 1.
            batch: Steps done in this epoch, counted from 1.
            loss: Mean loss of the epoch so far.
            metric: The newest epoch's; None in the first epoch.
            speed: Cases a second since the start of this run.
            eta_s: Seconds left, should all epochs be run.
        """

    def on_epoch(self, record: EpochRecord, best: bool) -> None:
        """After each epoch; `best`: its weights are the best so far."""

    def on_end(self, stopped: str) -> None:
        """Once: "epochs", "patience" or "interrupted"."""


class Silent:
    """A Progress that says nothing."""

    def on_start(self, plan: Plan) -> None:
        """Nothing."""

    def on_step(
        self, epoch: int, batch: int, loss: float, metric: float | None, speed: float, eta_s: float
    ) -> None:
        """Nothing."""

    def on_epoch(self, record: EpochRecord, best: bool) -> None:
        """Nothing."""

    def on_end(self, stopped: str) -> None:
        """Nothing."""
