"""The training loop: epochs of optimiser steps, a measurement after each, the best weights kept.

Everything random is a function of the seed, the epoch and the random states of the process, so a
loop that begins from a `Run` and its states continues as if it had never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast

from recurra.errors import TrainingError
from recurra.spec.batch import Batch, EncodedCases
from recurra.spec.report import EpochRecord
from recurra.spec.settings import TrainingSettings
from recurra.tasks import AbstractTask, Learned
from recurra.train.interrupts import Interrupts, interrupts
from recurra.train.optimiser import optimiser_for
from recurra.train.progress import Plan, Progress
from recurra.train.schedule import learning_rate

__all__ = ["Loop", "Run"]


@dataclass
class Run:
    """How far a training has come; with weights, optimiser and random states it is all there is.

    Args:
        epoch: Epochs done.
        history: One record for each.
        best_epoch: The epoch of the best weights; 0: none yet, or interrupted in the first.
        best_metric: Its metric.
        best_loss: Its validation loss: of two epochs with the same metric the lower one is better.
        best: Its weights by name.
        stopped: "" while it goes on; "epochs", "patience" or "interrupted".
    """

    epoch: int = 0
    history: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = 0
    best_metric: float = math.nan
    best_loss: float = math.inf
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    stopped: str = ""


class _Learner(torch.nn.Module):
    """What Accelerate wraps; the network inside stays as it was built, unwrapped and in place."""

    def __init__(self, network: torch.nn.Module, task: AbstractTask) -> None:
        super().__init__()
        self.network, self.task = network, task

    def forward(
        self, batch: Batch, carry: Any, device: torch.device, dtype: torch.dtype
    ) -> Learned:
        return self.task.learn(self.network, batch, carry, device, dtype)


class Loop:
    """Trains one network on encoded cases.

    Args:
        network: As `layers.build` gives it; its weights are changed in place.
        task: Gives the loss and the metric's direction.
        cases: The training part.
        measure: Gives (validation loss, metric) of the network as it is.
        settings: How to learn.
        accelerator: Device, precision, processes.
        watched: Whether `measure` sees held-out cases; if not, the last epoch counts as best.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        task: AbstractTask,
        cases: EncodedCases,
        measure: Callable[[], tuple[float, float]],
        settings: TrainingSettings,
        accelerator: Accelerator,
        *,
        watched: bool = True,
    ) -> None:
        self.network, self.task, self.cases, self.measure = network, task, cases, measure
        self.settings, self.accelerator, self.watched = settings, accelerator, watched
        self.metric, self.better = task.watched(settings)
        self.dtype = next(network.parameters()).dtype
        self.batches = len(task.batches(cases, settings, 1))
        self.optimiser = optimiser_for(network.to(accelerator.device), settings)
        # Accelerate may wrap it; what it learns by is set on the learner itself.
        self._taught = _Learner(network, task)
        self._learner, self._stepper = accelerator.prepare(self._taught, self.optimiser)

    def run(self, run: Run, progress: Progress, after_epoch: Callable[[Run], None]) -> Run:
        """Train until the epochs are over, the patience is, or Ctrl-C comes; `run` is changed.

        Args:
            run: Where to begin; `Run()` at the beginning.
            progress: Told of everything.
            after_epoch: Called after each epoch (to save what must survive).

        Raises:
            TrainingError: the loss or the gradient is no longer finite.
        """
        self._begin = time.perf_counter()
        self._seen = 0
        if run.stopped in ("", "interrupted"):
            run.stopped = ""
            progress.on_start(self._plan(run))
        with interrupts() as interrupted:
            try:
                while not run.stopped:
                    if not self._epoch(run, progress, interrupted):
                        run.stopped = "interrupted"
                        break
                    after_epoch(run)
            except KeyboardInterrupt:
                run.stopped = "interrupted"
        if not run.best:
            run.best_loss, run.best_metric = self._measured()
            run.best = self._weights()
        progress.on_end(run.stopped)
        return run

    def _epoch(self, run: Run, progress: Progress, interrupted: Interrupts) -> bool:
        """One epoch; False: Ctrl-C came before its end, and `run` is as it was."""
        begin = time.perf_counter()
        epoch = run.epoch + 1
        self.network.train()
        self._taught.task = self.task.at_epoch(epoch, self.settings)
        loss = weight = norms = 0.0
        clipped = 0
        batches = self.task.batches(self.cases, self.settings, epoch)
        carry: Any = None
        for batch, index in enumerate(batches):
            step = run.epoch * self.batches + batch
            summed, weighed, norm, carry, stop = self._step(step, index, carry, interrupted.came)
            if stop:
                return False
            loss, weight, norms = loss + summed, weight + weighed, norms + norm
            clipped += 0 < self.settings.clip_norm < norm
            self._seen += len(index)
            progress.on_step(epoch, batch + 1, loss / weight, *self._speed(run, batch + 1))
        try:
            valid_loss, metric = self._measured()
        except TrainingError as error:
            raise TrainingError(
                f"{error}; it was measured after step {step + 1} (epoch {epoch}), whose gradient "
                f"norm was {norm}"
            ) from error
        run.epoch = epoch
        run.history.append(
            EpochRecord(
                epoch=epoch,
                loss=loss / weight,
                valid_loss=valid_loss,
                metric=metric,
                learning_rate=learning_rate(
                    epoch * self.batches - 1, self.settings.epochs * self.batches, self.settings
                ),
                gradient_norm=norms / len(batches),
                clipped=clipped / len(batches),
                seconds=time.perf_counter() - begin,
            )
        )
        best = self._better(run, valid_loss, metric)
        if best:
            run.best_epoch, run.best_metric, run.best_loss = epoch, metric, valid_loss
            run.best = self._weights()
        if epoch >= self.settings.epochs:
            run.stopped = "epochs"
        elif self.watched and 0 < self.settings.patience <= epoch - run.best_epoch:
            run.stopped = "patience"
        progress.on_epoch(run.history[-1], best)
        return True

    def _step(
        self, step: int, index: Any, carry: Any, interrupted: bool
    ) -> tuple[float, float, float, Any, bool]:
        """One optimiser step over all processes: loss sum, weight, gradient norm, carry, stop.

        The gradient is that of (sum over all processes) / (weight over all processes). Accelerate
        averages the processes' gradients, hence the factor `num_processes`.
        """
        accelerator = self.accelerator
        share = index[accelerator.process_index :: accelerator.num_processes]
        # A process without a case of its own computes one that counts nothing: all must take part.
        counted = float(len(share) > 0)
        batch = self.cases.collate(share if counted else index[:1])
        learned = self._learner(batch, carry, accelerator.device, self.dtype)
        total, weight = learned.total * counted, learned.weight * counted
        sums = torch.stack(
            [total.detach().double(), weight.double(), total.new_tensor(interrupted).double()]
        )
        summed, weighed, stop = accelerator.reduce(sums, reduction="sum").tolist()
        if stop:
            return summed, weighed, 0.0, None, True
        self._stepper.zero_grad()
        accelerator.backward(total * (accelerator.num_processes / weighed))
        norm = float(
            accelerator.clip_grad_norm_(
                self.network.parameters(), self.settings.clip_norm or math.inf
            )
        )
        if not (math.isfinite(summed) and math.isfinite(norm)):
            raise TrainingError(self._diverged(step, summed / weighed, norm))
        rate = learning_rate(step, self.settings.epochs * self.batches, self.settings)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self._stepper.step()
        return summed, weighed, norm, learned.carry, False

    def _measured(self) -> tuple[float, float]:
        """Validation loss and metric as the first process sees them, so that all decide alike."""
        self.network.eval()
        both = torch.tensor(self.measure(), dtype=torch.float64, device=self.accelerator.device)
        loss, metric = broadcast(both).tolist()
        return loss, metric

    def _better(self, run: Run, loss: float, metric: float) -> bool:
        if not run.best or not self.watched:
            return True
        if metric == run.best_metric:
            return loss < run.best_loss
        return (metric > run.best_metric) == (self.better == "max")

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: value.detach().clone() for name, value in self.network.state_dict().items()}

    def _speed(self, run: Run, batch: int) -> tuple[float | None, float, float]:
        speed = self._seen / max(time.perf_counter() - self._begin, 1e-9)
        left = (self.settings.epochs - run.epoch) * len(self.cases)
        left -= min(batch * self.settings.batch_size, len(self.cases))
        return (run.history[-1]["metric"] if run.history else None), speed, left / speed

    def _plan(self, run: Run) -> Plan:
        return Plan(
            epochs=self.settings.epochs,
            epoch=run.epoch + 1,
            batches=self.batches,
            cases=len(self.cases),
            parameters=sum(p.numel() for p in self.network.parameters()),
            metric=self.metric,
            task=self.task.name,
        )

    def _diverged(self, step: int, loss: float, norm: float) -> str:
        settings = self.settings
        return (
            f"the loss became {loss} at step {step + 1} (epoch {step // self.batches + 1}) with "
            f"a gradient norm of {norm}: try a smaller learning_rate (now "
            f"{settings.learning_rate}), a smaller clip_norm (now {settings.clip_norm}, 0 does not "
            f"clip), or precision='float64'; look for huge values among the features"
        )
