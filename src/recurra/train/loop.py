"""The training loop: epochs of optimiser steps, a measurement after each, the best weights kept.

Everything random is a function of the seed, the epoch and the random states of the process, so a
loop that begins from a `Run` and its states continues as if it had never stopped.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast

from recurra.errors import TrainingError
from recurra.spec.batch import Batch, EncodedCases
from recurra.spec.report import EpochRecord
from recurra.spec.settings import TrainingSettings
from recurra.tasks import AbstractTask, Learned
from recurra.train.average import Average
from recurra.train.clip import Clipper
from recurra.train.constraint import Constraint
from recurra.train.interrupts import Interrupts, interrupts
from recurra.train.noise import disturb
from recurra.train.optimiser import optimiser_for
from recurra.train.penalties import Penalty
from recurra.train.progress import Plan, Progress
from recurra.train.schedule import falls, learning_rate

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


@dataclass(frozen=True)
class _Made:
    """What one optimiser step was: loss sum, weight, gradient norm, clipping, carry."""

    loss: float
    weight: float
    norm: float
    clipped: bool
    carry: Any


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
        rate: The learning rate of each step, counted from 0; None: as the settings schedule it.
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
        rate: Callable[[int], float] | None = None,
    ) -> None:
        self.network, self.task, self.cases, self.measure = network, task, cases, measure
        self.settings, self.accelerator, self.watched = settings, accelerator, watched
        self.metric, self.better = task.watched(settings)
        self.dtype = next(network.parameters()).dtype
        counts = task.batch_counts(cases, settings)
        # Batches that are summed before a step; gradient descent takes them all.
        self._together = [n if settings.optimiser == "gd" else settings.accumulate for n in counts]
        self.steps = [math.ceil(n / m) for n, m in zip(counts, self._together, strict=True)]
        # Of all epochs before each, and of all.
        self._before = [0, *accumulate(self.steps)]
        self._rate_of = rate
        self._constraint = Constraint(network.to(accelerator.device), settings)
        self.optimiser = optimiser_for(network, settings)
        self.clipper = Clipper(list(network.parameters()), settings)
        self.average = Average(network, settings.average)
        self._penalty = Penalty(network, settings)
        disturb(network, settings)
        # Accelerate may wrap it; what it learns by is set on the learner itself.
        self._taught = _Learner(network, task)
        self._learner, self._stepper = accelerator.prepare(self._taught, self.optimiser)

    def standing(self) -> Run:
        """A beginning in which the weights as they are count as the best so far."""
        run = Run()
        run.best_loss, run.best_metric = self._measured()
        run.best = self._weights()
        return run

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
        loss = weight = norms = norm = 0.0
        clipped = seen = 0
        batches = self.task.batches(self.cases, self.settings, epoch)
        together, steps = self._together[run.epoch], self.steps[run.epoch]
        fallen = self._fallen(run)
        carry: Any = None
        for number in range(steps):
            indices = batches[number * together : (number + 1) * together]
            step = self._before[run.epoch] + number
            made = self._step(step, indices, carry, fallen, interrupted)
            if made is None:
                return False
            carry, norm = made.carry, made.norm
            loss, weight, norms = loss + made.loss, weight + made.weight, norms + norm
            clipped += made.clipped
            count = sum(map(len, indices))
            self._seen, seen = self._seen + count, seen + count
            progress.on_step(epoch, number + 1, loss / weight, *self._speed(run, seen))
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
                learning_rate=self._rate(self._before[epoch] - 1, fallen),
                gradient_norm=norms / steps,
                clipped=clipped / steps,
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
        self, step: int, indices: Sequence[Any], carry: Any, fallen: int, interrupted: Interrupts
    ) -> _Made | None:
        """One optimiser step over all processes and the batches given; None: Ctrl-C came.

        The gradient is that of (sum over everything) / (weight over everything). Accelerate
        averages the processes' gradients, hence the factor `num_processes`.
        """
        accelerator = self.accelerator
        self._stepper.zero_grad()
        loss = weight = 0.0
        for index in indices:
            total, weighed, carry = self._learned(index, carry)
            came = total.new_tensor(interrupted.came).double()
            sums = torch.stack([total.detach().double(), weighed.double(), came])
            one, its_weight, stop = accelerator.reduce(sums, reduction="sum").tolist()
            if stop:
                return None
            loss, weight = loss + one, weight + its_weight
            # A single batch is divided ahead of backward, in whose rounding it then takes part.
            share = accelerator.num_processes / (weight if len(indices) == 1 else 1.0)
            objective = total * share
            penalty = self._penalty()
            if penalty is not None:
                objective = objective + penalty * (1.0 if len(indices) == 1 else its_weight)
            accelerator.backward(objective)
        if len(indices) > 1:
            for parameter in self.network.parameters():
                if parameter.grad is not None:
                    parameter.grad.div_(weight)
        norm, clipped = self.clipper()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise TrainingError(self._diverged(step, loss / weight, norm))
        rate = self._rate(step, fallen)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self._stepper.step()
        self._constraint.apply()
        self.average.update()
        return _Made(loss, weight, norm, clipped, carry)

    def _learned(self, index: Any, carry: Any) -> tuple[torch.Tensor, torch.Tensor, Any]:
        """This process's share of one batch: loss sum, weight, carry."""
        accelerator = self.accelerator
        share = index[accelerator.process_index :: accelerator.num_processes]
        # A process without a case of its own computes one that counts nothing: all must take part.
        counted = float(len(share) > 0)
        batch = self.cases.collate(share if counted else index[:1])
        learned = self._learner(batch, carry, accelerator.device, self.dtype)
        return learned.total * counted, learned.weight * counted, learned.carry

    def _rate(self, step: int, fallen: int) -> float:
        if self._rate_of is not None:
            return self._rate_of(step)
        epoch = self._epoch_of(step)
        passed = epoch + (step - self._before[epoch]) / self.steps[epoch]
        return learning_rate(step, self._before[-1], self.settings, fallen, passed)

    def _epoch_of(self, step: int) -> int:
        """The epoch of an optimiser step, both counted from 0."""
        return bisect_right(self._before, step) - 1

    def _fallen(self, run: Run) -> int:
        metrics = [record["metric"] for record in run.history]
        larger = self.better == "max"
        return falls(metrics, self.settings.decay_epochs, larger_is_better=larger)

    def _measured(self) -> tuple[float, float]:
        """Validation loss and metric as the first process sees them, so that all decide alike."""
        self.network.eval()
        with self._kept():
            measured = self.measure()
        both = torch.tensor(measured, dtype=torch.float64, device=self.accelerator.device)
        loss, metric = broadcast(both).tolist()
        return loss, metric

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """While it lasts the network has the weights that are kept: a mean of projected ones may
        have left what they were projected to."""
        with self.average.in_place():
            if self.settings.average:
                self._constraint.apply()
            yield

    def settle(self) -> None:
        """Leave plain weights, once nothing is learnt any more."""
        self._constraint.settle()

    def _better(self, run: Run, loss: float, metric: float) -> bool:
        if not run.best or not self.watched:
            return True
        if metric == run.best_metric:
            return loss < run.best_loss
        return (metric > run.best_metric) == (self.better == "max")

    def _weights(self) -> dict[str, torch.Tensor]:
        """The weights that are measured and kept."""
        with self._kept():
            weights = self.network.state_dict()
            return {name: value.detach().clone() for name, value in weights.items()}

    def _speed(self, run: Run, seen: int) -> tuple[float | None, float, float]:
        speed = self._seen / max(time.perf_counter() - self._begin, 1e-9)
        left = (self.settings.epochs - run.epoch) * len(self.cases)
        left -= min(seen, len(self.cases))
        return (run.history[-1]["metric"] if run.history else None), speed, left / speed

    def _plan(self, run: Run) -> Plan:
        return Plan(
            epochs=self.settings.epochs,
            epoch=run.epoch + 1,
            batches=self.steps[min(run.epoch, len(self.steps) - 1)],
            cases=len(self.cases),
            parameters=sum(p.numel() for p in self.network.parameters()),
            metric=self.metric,
            task=self.task.name,
            unit=self.cases.unit,
        )

    def _diverged(self, step: int, loss: float, norm: float) -> str:
        settings = self.settings
        return (
            f"the loss became {loss} at step {step + 1} (epoch {self._epoch_of(step) + 1}) with "
            f"a gradient norm of {norm}: try a smaller learning_rate (now "
            f"{settings.learning_rate}), a smaller clip_norm (now {settings.clip_norm}, 0 does not "
            f"clip), or precision='float64'; look for huge values among the features"
        )
