"""A search for good settings: trials that differ in some settings and are judged by one figure.

Everything else is the same for all: the sequences, the part that is held out (it is drawn by the
seed, which no trial changes), the figure, one thread. What is found is a TOML that `fit` takes, and
`fit` then gives the very figure of the trial. No test file is read.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recurra.codecs import Cases, task_of
from recurra.errors import SettingsError, TrainingError
from recurra.spec.report import Tuning
from recurra.spec.settings import Settings, refuse_foreign
from recurra.spec.space import Choice, Space, read_space, without_idle
from recurra.spec.version import __version__
from recurra.tasks import task_for
from recurra.train.fit import settled
from recurra.train.lock import LOCK, locked
from recurra.train.optimiser import optimiser_class
from recurra.train.own_folder import require_own_folder
from recurra.train.tune_report import write_results
from recurra.train.tune_space import refuse_untrainable
from recurra.train.tune_study import (
    PLACE,
    STUDY,
    TRIALS,
    Shared,
    begin_study,
    is_search,
    quiet_optuna,
)
from recurra.train.tune_trial import Searched, Watch, run_trial, told

__all__ = ["tune_cases"]


def tune_cases(
    cases: Cases,
    settings: Settings,
    folder: Path,
    watch: Watch,
    *,
    trials: int = 20,
    space: Sequence[str] = (),
    fixed: Sequence[str] = (),
    only: bool = False,
    valid: Cases | None = None,
    storage: str | None = None,
    name: str | None = None,
    prune: bool = True,
    force: bool = False,
) -> Tuning:
    """Search settings, alone or beside other processes that make the same call.

    Args:
        cases: With targets.
        settings: Of every trial; `seed` parts the cases, begins each training and draws the trials.
        folder: OUT; one that holds this search already is continued.
        watch: Told how far it is.
        trials: How many there shall be, those of all processes together.
        space: What is varied, see `spec.space.read_space`.
        fixed: Settings that were given a value and are not varied.
        only: Vary nothing but what `space` names.
        valid: Held-out cases; None: `settings.training.valid_fraction` of `cases`.
        storage: URL of a database that processes on several machines share; None: a file in OUT.
        name: Of the study in that database; None: OUT's own name.
        prune: Stop a trial that is worse than half of the others were after as many epochs.
        force: Begin anew where OUT, or the database, holds a search already.

    Returns:
        What `recurra tune --json` prints; best.toml, trials.csv and trials.jsonl, tune.svg and
        tune.json are in OUT.

    Raises:
        DependencyError: Optuna is not installed.
        OutputError: OUT holds something else, or a search of other settings or sequences.
        SettingsError: nothing is held out, or something cannot be searched.
        TrainingError: every trial failed.
    """
    if trials < 1:
        raise SettingsError(f"trials must be at least 1, got {trials}")
    task = task_of(cases, settings.data)
    ranges = without_idle(read_space(space, task, fixed=fixed, only=only), space, settings)
    optimisers = ranges.get("optimiser")
    for each in optimisers.values if isinstance(optimisers, Choice) else ():
        optimiser_class(str(each))
    searched, identity, metric = _searched(cases, valid, settings, ranges)
    training = searched.settings.training
    with quiet_optuna():
        _open(folder, force)
        shared = Shared.open(
            folder,
            storage=storage,
            name=name or folder.resolve().name,
            direction=metric[1],
            space=ranges,
            seed=training.seed,
            epochs=training.epochs,
            prune=prune,
            identity=identity | {"prune": prune},
            anew=force,
        )

        def written() -> Tuning:
            with shared.alone():
                return write_results(shared, searched, metric, folder)

        watch.on_begin(trials, shared.finished())
        while True:
            with shared.next_trial(trials) as trial:
                if trial is None:
                    break
                run_trial(shared.study, trial, searched, shared.folder_of(trial.number), watch)
            found = written()
            watch.on_trial(told(shared.study.get_trials()[trial.number]), found["best"])
        found = written()
    if found["best"] is None and found["failed"]:
        (first, *_) = [each["why"] for each in found["trials"] if each["why"]]
        raise TrainingError(f"all {found['failed']} trials failed, the first one because: {first}")
    return found


def _searched(
    cases: Cases, valid: Cases | None, settings: Settings, space: Space
) -> tuple[Searched, dict[str, Any], tuple[str, Any]]:
    """What all trials have in common; what a later call must have in common with them; the figure.

    Raises:
        DataError, SettingsError: a training could not even begin.
    """
    name = task_of(cases, settings.data)
    # One thread unless told otherwise: no figure then depends on how many run side by side.
    chosen = Settings.from_flat({"threads": settings.training.threads or 1}, settings)
    refuse_foreign(chosen, name)
    whole = settled(chosen, cases, valid)
    task = task_for(name, whole)
    train, held = (cases, valid) if valid is not None else task.parts(cases, whole)
    if held is None:
        raise SettingsError(
            "a search judges by held-out sequences, and there are none: give valid_fraction=0.15, "
            "or held-out sequences of their own with --valid"
        )
    codec = task.codec(train, whole)
    refuse_untrainable(space, chosen, name, task.graphs(whole.model, codec))
    tree = chosen.model_dump(mode="json")
    identity = {**tree["data"], **tree["model"], **tree["training"]}
    del identity["checkpoint_every"], identity["track"]
    identity["task"] = name
    identity |= {key: str(values) for key, values in space.items()}
    identity |= {
        "training sequences": task.encoded(codec, train, whole, training=True).digest(),
        "held-out sequences": task.encoded(codec, held, whole, training=False).digest(),
        "recurra": __version__,
    }
    return Searched(cases, valid, chosen), identity, task.watched(chosen.training)


def _open(folder: Path, force: bool) -> None:
    """Make OUT, or go on with the search that it holds.

    Raises:
        OutputError: it holds something else.
    """

    def own() -> bool:
        return require_own_folder(folder, is_search, "search", beside=(LOCK,))

    # Ahead of the lock, which is a file in OUT too.
    own()
    with locked(folder, what="search", wait=True):
        if own() and force:
            # Its mark stays: killed in between, OUT is still known.
            for path in (folder / STUDY).iterdir():
                if path.is_file() and path.name not in (PLACE, LOCK):
                    path.unlink()
            shutil.rmtree(folder / TRIALS, ignore_errors=True)
        begin_study(folder)
