"""One training of a comparison: a folder with its bundle, its history and its result."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypedDict

import numpy as np
import torch

from recurra import runtime
from recurra.codecs import Cases
from recurra.errors import BundleError, OutputError, TrainingError
from recurra.runtime import AbstractModel
from recurra.spec.batch import EncodedCases, EncodedList
from recurra.spec.canonical import json_from_bytes, json_to_bytes
from recurra.spec.disk import write_atomic
from recurra.spec.report import EpochRecord
from recurra.spec.settings import Settings
from recurra.train.compare_material import Material
from recurra.train.evaluate import model_in_torch
from recurra.train.fit import Fitted, fit_cases
from recurra.train.progress import Plan

__all__ = [
    "MEANS",
    "Finished",
    "Silent",
    "Trial",
    "Watch",
    "case_scores",
    "finished",
    "mean_scores",
    "run_trial",
]

RESULT, BUNDLE = "result.json", "bundle"
# Tasks whose cases stand for themselves: windows of one series, say, do not.
_INDEPENDENT = ("classify", "regress", "transduce")
# Figures that are a mean over cases; that of another one may equal such a mean by chance.
MEANS = ("accuracy", "log_loss", "mse", "mae", "word_error_rate")


@dataclass(frozen=True)
class Trial:
    """What is varied.

    Args:
        cell: "gru", "lstm", ...; or a network of another kind, "tcn" or "transformer".
        hidden: H.
        epochs: Most epochs.
        seed: Of initialisation and order.
    """

    cell: str
    hidden: int
    epochs: int
    seed: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.cell}-{self.hidden}-epochs-{self.epochs}-seed-{self.seed}"


class Finished(TypedDict):
    """`result.json`. `failed`: why there is no network, else null.

    `scores`: of each test case what it adds to the metric, where that is a mean over cases;
    `epoch_seconds`: the median, of processor time on a CPU and of wall time on a GPU;
    `bundle_bytes`: null where there is no bundle.
    """

    failed: str | None
    metric: str
    direction: str
    figures: dict[str, float]
    scores: list[float] | None
    parameters: int
    epochs: int
    best_epoch: int
    stopped: str
    fit_seconds: float
    epoch_seconds: float
    bundle_bytes: int | None


class Watch(Protocol):
    """Is told how far a comparison is, from several threads where several processes train."""

    def on_table(self, title: str, trials: int, finished: int) -> None:
        """Once for each table: how many trainings it needs and how many are there already."""

    def on_epoch(self, trial: Trial, epoch: int) -> None:
        """An epoch of a training is over."""

    def on_trial(self, trial: Trial, result: Finished) -> None:
        """A training is over, and measured on the test part."""


class Silent:
    """A Watch that says nothing."""

    def on_table(self, title: str, trials: int, finished: int) -> None:
        """Nothing."""

    def on_epoch(self, trial: Trial, epoch: int) -> None:
        """Nothing."""

    def on_trial(self, trial: Trial, result: Finished) -> None:
        """Nothing."""


def finished(folder: Path) -> Finished | None:
    """The result in a trial's folder; None where the trial was not finished.

    Raises:
        OutputError: the file was changed or damaged.
    """
    path = folder / RESULT
    if not path.is_file():
        return None
    try:
        found: Finished = json_from_bytes(path.read_bytes(), str(path))
        if set(found) != set(Finished.__annotations__):
            raise BundleError(f"{path}: expected {sorted(Finished.__annotations__)}")
    except (BundleError, TypeError) as error:
        raise OutputError(f"{error}: remove the folder {folder} to train it again") from None
    return found


def run_trial(material: Material, trial: Trial, folder: Path, watch: Watch) -> Finished:
    """Train one network, write its bundle, measure it on the test part; the result is written last.

    A training that was killed goes on from its checkpoint. A loss that becomes NaN is a result too.

    Args:
        material: The same for all.
        trial: What is varied.
        folder: Of this trial alone.
        watch: Told of every epoch.

    Raises:
        KeyboardInterrupt: Ctrl-C came; the checkpoint is there.
        TrainingError: the training could not even begin.
    """
    settings, rival = settings_of(material, trial), material.rival(trial.cell)
    clock = _Clock(trial, watch)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        fitted = fit_cases(
            material.train,
            settings,
            valid=material.valid,
            folder=folder / BUNDLE,
            resume=True,
            force=True,
            progress=clock,
            rival=rival,
        )
    except TrainingError as error:
        if not clock.began:
            # A checkpoint or a memory that does not fit tells nothing of the cell.
            raise
        result = _failure(material, trial, str(error))
    else:
        if fitted.stopped == "interrupted":
            raise KeyboardInterrupt
        model = _model_of(fitted, None if rival else folder / BUNDLE)
        encoded = model.encoded(material.test)
        answers = model.answers(encoded)
        figures = model.figures(answers, encoded, material.test)
        metric, direction = material.metric
        result = Finished(
            failed=None,
            metric=metric,
            direction=direction,
            figures=figures,
            scores=case_scores(model, answers, encoded, material.test, metric, figures[metric]),
            parameters=fitted.parameters,
            epochs=len(fitted.history),
            best_epoch=fitted.best_epoch,
            stopped=fitted.stopped,
            fit_seconds=fitted.fit_seconds,
            epoch_seconds=clock.median(fitted.history),
            bundle_bytes=_size(folder / BUNDLE) if rival is None else None,
        )
    write_atomic(folder / RESULT, json_to_bytes(dict(result)) + b"\n")
    return result


def settings_of(material: Material, trial: Trial) -> Settings:
    """The settings of one training."""
    varied = {"hidden": trial.hidden, "epochs": trial.epochs, "seed": trial.seed}
    return Settings.from_flat(varied, material.settings_of(trial.cell))


def _model_of(fitted: Fitted, folder: Path | None) -> AbstractModel:
    """What is judged: the bundle, written to `folder`, or (None) the network as it was trained."""
    if folder is None:
        return model_in_torch(fitted.module, fitted.task, fitted.graphs, fitted.codec)
    fitted.export(folder, force=True)
    return runtime.load(folder)


def _size(bundle: Path) -> int:
    return sum(path.stat().st_size for path in bundle.iterdir())


def case_scores(
    model: AbstractModel,
    answers: Any,
    encoded: EncodedCases,
    cases: Cases,
    metric: str,
    mean: float,
) -> list[float] | None:
    """What each case adds to the metric; None where the metric is no mean over cases.

    Args:
        model: Gives the figures.
        answers: To all cases.
        encoded: The cases with their targets.
        cases: The same, raw.
        metric: Name of the figure.
        mean: Its value over all cases.
    """
    if metric not in MEANS or model.task not in _INDEPENDENT:
        return None
    if not isinstance(encoded, EncodedList):
        return None
    singles = (
        model.figures(answers[k : k + 1], encoded[k : k + 1], cases.subset([k])).get(metric)
        for k in range(len(encoded))
    )
    return mean_scores(singles, mean)


def mean_scores(singles: Iterable[float | None], mean: float) -> list[float] | None:
    """The figures of single cases, if their mean is the figure of all of them; else None."""
    scores = []
    for single in singles:
        if single is None:
            return None
        scores.append(single)
    # Rounding alone may part them.
    return scores if np.isclose(np.mean(scores), mean, rtol=1e-9, atol=1e-12) else None


def _failure(material: Material, trial: Trial, why: str) -> Finished:
    metric, direction = material.metric
    return Finished(
        failed=why,
        metric=metric,
        direction=direction,
        figures={},
        scores=None,
        parameters=material.parameters(trial.cell, trial.hidden),
        epochs=0,
        best_epoch=0,
        stopped="failed",
        fit_seconds=0.0,
        epoch_seconds=0.0,
        bundle_bytes=None,
    )


class _Clock:
    """Times every epoch: in processor time, which neighbours on the machine do not lengthen.

    A GPU's work is none of the processor's, so with one it is wall time.
    """

    def __init__(self, trial: Trial, watch: Watch) -> None:
        self._trial, self._watch = trial, watch
        self._now = time.perf_counter if torch.cuda.is_available() else time.process_time
        self._begin = self._now()
        self._taken: list[float] = []
        self.began = False

    def median(self, history: list[EpochRecord]) -> float:
        """Seconds of an epoch; of one that another process ran the wall time, if all were."""
        return statistics.median(self._taken or [record["seconds"] for record in history])

    def on_start(self, plan: Plan) -> None:
        """The first epoch begins."""
        del plan
        self.began = True
        self._begin = self._now()

    def on_step(
        self, epoch: int, batch: int, loss: float, metric: float | None, speed: float, eta_s: float
    ) -> None:
        """Nothing."""

    def on_epoch(self, record: EpochRecord, best: bool) -> None:
        """Note what it took."""
        del best
        now = self._now()
        self._taken.append(now - self._begin)
        self._begin = now
        self._watch.on_epoch(self._trial, record["epoch"])

    def on_end(self, stopped: str) -> None:
        """Nothing."""
