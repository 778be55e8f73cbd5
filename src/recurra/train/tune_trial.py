"""One trial of a search: a training of its own, measured on the held-out part after each epoch."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from recurra.codecs import Cases
from recurra.errors import SettingsError, SpecError, TrainingError
from recurra.spec.report import EpochRecord, TunedTrial
from recurra.spec.settings import Settings, without_unread
from recurra.train import progress
from recurra.train.checkpoint import CHECKPOINT
from recurra.train.fit import Fitted, fit_cases
from recurra.train.places import run_of
from recurra.train.progress import Plan

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

__all__ = ["BUNDLE", "Searched", "Silent", "Watch", "run_trial", "told"]

BUNDLE = "bundle"
_STATES = {
    "COMPLETE": "finished",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "running",
}


@dataclass(frozen=True)
class Searched:
    """What all trials have in common.

    Args:
        cases: With targets; each trial parts them alike, since seed and fraction stay.
        valid: Held-out cases of their own; None: `valid_fraction` of `cases`.
        settings: Of every trial, but for what is varied.
    """

    cases: Cases
    valid: Cases | None
    settings: Settings


class Watch(Protocol):
    """Is told how far a search is."""

    def on_begin(self, trials: int, finished: int) -> None:
        """Once: how many trials there will be, and how many there are already."""

    def on_epoch(self, number: int, epoch: int, epochs: int) -> None:
        """An epoch of a trial is over."""

    def on_trial(self, trial: TunedTrial, best: TunedTrial | None) -> None:
        """A trial is over; `best`: the best one so far."""


class Silent:
    """A Watch that says nothing."""

    def on_begin(self, trials: int, finished: int) -> None:
        """Nothing."""

    def on_epoch(self, number: int, epoch: int, epochs: int) -> None:
        """Nothing."""

    def on_trial(self, trial: TunedTrial, best: TunedTrial | None) -> None:
        """Nothing."""


class _Pruned(Exception):  # noqa: N818  it says what became of a trial, not that something is wrong
    """The trial is worse than half of the others were."""


def run_trial(study: Study, trial: Trial, searched: Searched, folder: Path, watch: Watch) -> None:
    """Train with the trial's settings and tell the study what came of it.

    A trial that was killed goes on from its checkpoint. One whose training diverges, needs more
    memory than there is, or whose settings contradict each other, counts as failed.

    Args:
        study: Is told.
        trial: Has its values.
        searched: What all have in common.
        folder: Of this trial alone.
        watch: Told of every epoch.

    Raises:
        KeyboardInterrupt: Ctrl-C came; the checkpoint is there, the trial stays open.
        TrainingError: the trial's checkpoint cannot be used.
    """
    from optuna.trial import TrialState

    teller = _Teller(trial, watch, run_of(folder / BUNDLE))
    try:
        fitted = fit_cases(
            searched.cases,
            # What was drawn beside what does not read it would be refused.
            without_unread(Settings.from_flat(trial.params, searched.settings)),
            valid=searched.valid,
            folder=folder / BUNDLE,
            resume=True,
            force=True,
            progress=teller,
        )
    except _Pruned:
        _note(trial, {"epochs": teller.epoch})
        study.tell(trial, state=TrialState.PRUNED)
    except (TrainingError, SettingsError, SpecError) as error:
        if isinstance(error, TrainingError) and not teller.began and teller.stood:
            # A checkpoint that does not fit tells nothing of the settings.
            raise
        _note(trial, {"epochs": teller.epoch, "why": str(error)})
        study.tell(trial, state=TrialState.FAIL)
    else:
        if fitted.stopped == "interrupted":
            raise KeyboardInterrupt
        _note(trial, _measured(fitted))
        study.tell(trial, fitted.best_metric)
    # The history stays; weights that nobody will load do not.
    (run_of(folder / BUNDLE) / CHECKPOINT).unlink(missing_ok=True)
    shutil.rmtree(folder / BUNDLE, ignore_errors=True)


def told(trial: FrozenTrial) -> TunedTrial:
    """A trial as the table has it."""
    attributes = trial.user_attrs
    return TunedTrial(
        trial=trial.number,
        state=_STATES[trial.state.name],
        value=trial.value,
        epochs=attributes.get("epochs", len(trial.intermediate_values)),
        best_epoch=attributes.get("best_epoch"),
        parameters=attributes.get("parameters"),
        seconds=attributes.get("seconds"),
        settings=dict(trial.params),
        why=attributes.get("why"),
    )


def _measured(fitted: Fitted) -> dict[str, Any]:
    return {
        "epochs": len(fitted.history),
        "best_epoch": fitted.best_epoch,
        "parameters": fitted.parameters,
        "seconds": fitted.fit_seconds,
    }


def _note(trial: Trial, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        trial.set_user_attr(name, value)


class _Teller(progress.Silent):
    """Reports each epoch's figure to the study, and ends a trial that the study gives up."""

    def __init__(self, trial: Trial, watch: Watch, run: Path) -> None:
        self._trial, self._watch = trial, watch
        self._epochs = 0
        self.epoch = 0
        self.began = False
        self.stood = (run / CHECKPOINT).is_file()
        # What was reported before the trial was killed; Optuna counts steps from 0.
        frozen = trial.study.get_trials(deepcopy=False)[trial.number]
        self._reported = set(frozen.intermediate_values)

    def on_start(self, plan: Plan) -> None:
        """The first epoch begins."""
        self.began = True
        self._epochs = plan.epochs
        self.epoch = plan.epoch - 1

    def on_epoch(self, record: EpochRecord, best: bool) -> None:
        """Report it."""
        del best
        self.epoch = record["epoch"]
        if self.epoch - 1 not in self._reported:
            self._trial.report(record["metric"], self.epoch - 1)
        self._watch.on_epoch(self._trial.number, self.epoch, self._epochs)
        if self.epoch < self._epochs and self._trial.should_prune():
            raise _Pruned
