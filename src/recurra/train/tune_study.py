"""The study behind a search: Optuna's storage, which many processes share, and who does what next.

Optuna keeps trials as JSON, in a database or a journal file, and no state of a sampler: the sampler
of trial n is made anew, seeded by the search's seed and n. So what it proposes is a function of the
seed, of n and of the trials before it, whether or not the search was killed in between.

A trial belongs to the folder in which it trains. Whoever trains it holds that folder's lock, and a
trial that is called running but has a free folder was killed: the next process to ask goes on with
it, from its checkpoint.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from recurra.errors import DependencyError, OutputError, SettingsError
from recurra.spec.canonical import json_from_bytes, json_to_bytes
from recurra.spec.disk import is_temporary, write_atomic
from recurra.spec.space import Choice, Space
from recurra.train.extra import require_extra
from recurra.train.lock import LOCK, is_locked, locked
from recurra.train.own_folder import says

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import Trial

__all__ = ["PLACE", "STUDY", "TRIALS", "Shared", "begin_study", "is_search", "quiet_optuna"]

STUDY = "study"
TRIALS = "trials"
PLACE = "place.json"
_JOURNAL = "journal.jsonl"
# Trials before the pruner compares; a median of fewer says little.
_COMPARED = 5
# What brings a database's driver, where the package is called otherwise.
_DRIVERS = {
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
}
# user:password@ of a URL: what is printed ends up in logs.
_PASSWORD = re.compile(r"(//[^:/@]*):[^/]*@")
# Seconds for which a process waits while others write into a database.
_WAIT_S = 60.0


@dataclass(frozen=True)
class Shared:
    """A study as one process of several sees it.

    Args:
        study: Optuna's.
        folder: OUT, of the trials that this process and its neighbours train.
        place: Which OUT that is, among those that share a database.
        seed: Of the search.
        distributions: What is varied.
    """

    study: Study
    folder: Path
    place: str
    seed: int
    distributions: Mapping[str, BaseDistribution]

    @staticmethod
    def open(
        folder: Path,
        *,
        storage: str | None,
        name: str,
        direction: Literal["max", "min"],
        space: Space,
        seed: int,
        epochs: int,
        prune: bool,
        identity: Mapping[str, Any],
        anew: bool = False,
    ) -> Shared:
        """Begin a study, or join it.

        Args:
            folder: OUT, as `begin_study` leaves it.
            storage: URL of a database; None: a journal file in OUT.
            name: Of the study within the storage.
            direction: Of the figure.
            space: What is varied.
            seed: Of the search.
            epochs: Most epochs of a trial.
            prune: Stop trials that are worse than half of the others were after as many epochs.
            identity: What all trials have in common, JSON values.
            anew: Forget the study of that name in a database.

        Raises:
            DependencyError: Optuna, or the driver of the database, is not installed.
            OutputError: the study was begun otherwise, or by something else.
            SettingsError: the storage cannot be opened.
        """
        require_extra("optuna", "tune", "tuning")
        import optuna

        with locked(folder, what="search", wait=True):
            opened = _storage(storage, folder)
            if name in optuna.get_all_study_names(opened):
                _require_ours(optuna.load_study(study_name=name, storage=opened))
                if anew:
                    optuna.delete_study(study_name=name, storage=opened)
            study = optuna.create_study(
                storage=opened,
                study_name=name,
                direction="maximize" if direction == "max" else "minimize",
                load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(_COMPARED, n_warmup_steps=epochs // 5)
                if prune
                else optuna.pruners.NopPruner(),
            )
            kept = study.user_attrs.get("identity")
            if kept is None:
                study.set_user_attr("identity", dict(identity))
            else:
                _require_same(kept, identity, folder)
            place = _place(folder)
        distributions = {name: _distribution(values) for name, values in space.items()}
        return Shared(study, folder, place, seed, distributions)

    def finished(self) -> int:
        """How many trials are over."""
        return sum(t.state.is_finished() for t in self.study.get_trials(deepcopy=False))

    def folder_of(self, number: int) -> Path:
        """Where a trial trains."""
        return self.folder / TRIALS / f"{number:04}"

    def alone(self) -> AbstractContextManager[None]:
        """Keep the others of this OUT from asking and from writing meanwhile."""
        return locked(self.folder, what="search", wait=True)

    @contextmanager
    def next_trial(self, trials: int) -> Iterator[Trial | None]:
        """The trial to train, its folder locked; None: there are `trials` of them.

        First those that were killed, then new ones.
        """
        with self.alone():
            trial = self._killed() or self._new(trials)
            if trial is None:
                yield None
                return
            folder = self.folder_of(trial.number)
            folder.mkdir(parents=True, exist_ok=True)
            mine = locked(folder, what="trial")
            mine.__enter__()
        try:
            yield trial
        finally:
            mine.__exit__(None, None, None)

    def _killed(self) -> Trial | None:
        import optuna

        for trial in self.study.get_trials(
            deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)
        ):
            if trial.user_attrs.get("place", self.place) != self.place:
                continue
            folder = self.folder_of(trial.number)
            if not folder.is_dir() or not is_locked(folder):
                # What it was given already stays; what it was not yet is drawn as it would have.
                self._seed(trial.number)
                again = optuna.Trial(self.study, trial._trial_id)
                return self._given(again)
        return None

    def _new(self, trials: int) -> Trial | None:
        there = len(self.study.get_trials(deepcopy=False))
        if there >= trials:
            return None
        self._seed(there)
        return self._given(self.study.ask())

    def _given(self, trial: Trial) -> Trial:
        """With a value for everything that is varied."""
        import optuna

        if "place" not in trial.user_attrs:
            trial.set_user_attr("place", self.place)
        for name, values in self.distributions.items():
            if isinstance(values, optuna.distributions.CategoricalDistribution):
                trial.suggest_categorical(name, values.choices)
            elif isinstance(values, optuna.distributions.IntDistribution):
                trial.suggest_int(name, values.low, values.high, log=values.log)
            elif isinstance(values, optuna.distributions.FloatDistribution):
                trial.suggest_float(name, values.low, values.high, log=values.log)
        return trial

    def _seed(self, number: int) -> None:
        import numpy as np
        import optuna

        (seed,) = np.random.SeedSequence([self.seed, _PURPOSE, number]).generate_state(1)
        self.study.sampler = optuna.samplers.TPESampler(seed=int(seed))


# Tells these draws from others of the same seed.
_PURPOSE = 0x7E4E


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Let Optuna say nothing of its own meanwhile."""
    require_extra("optuna", "tune", "tuning")
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _storage(url: str | None, folder: Path) -> BaseStorage:
    from optuna import storages
    from optuna.storages import journal

    if url is None:
        path = folder / STUDY / _JOURNAL

        class Lock(journal.JournalFileOpenLock):
            """The system's lock, never stale; whoever gets it mends what a kill left."""

            def acquire(self) -> bool:
                self._held = locked(path.parent, what="search", wait=True)
                self._held.__enter__()
                _mend(path)
                return True

            def release(self) -> None:
                self._held.__exit__(None, None, None)

        backend = journal.JournalFileBackend(str(path), lock_obj=Lock(str(path)))
        return storages.JournalStorage(backend)
    shown = _PASSWORD.sub(r"\1:***@", url)
    if "://" not in url or url.startswith("redis"):
        raise SettingsError(
            f"storage {shown!r} is no URL of a database: expected one such as sqlite:///study.db "
            "or postgresql://user@host/name, or none for a file in OUT"
        )
    options: dict[str, Any] = {}
    if url.startswith("sqlite"):
        options = {"connect_args": {"timeout": _WAIT_S}}
    try:
        return storages.RDBStorage(url, engine_kwargs=options)
    except ImportError as error:
        missing = getattr(error.__cause__, "name", None) or "of that database"
        package = _DRIVERS.get(missing, missing)
        raise DependencyError(
            f"storage {shown!r} needs the driver {missing}, which is not installed: "
            f'pip install "{package}"'
        ) from None
    except Exception as error:
        # SQLAlchemy and the driver of each database have errors of their own.
        why = str(error).splitlines()[0]
        raise SettingsError(
            f"storage {shown!r} cannot be opened: {why}: look at its address, user and password, "
            "or leave --storage out for a file in OUT"
        ) from error


def _mend(path: Path) -> None:
    """Cut off the half of a line that a killed process left; none of it was ever read."""
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        if not size:
            return
        file.seek(-1, os.SEEK_END)
        if file.read(1) == b"\n":
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


def _distribution(values: Any) -> BaseDistribution:
    from optuna import distributions

    if isinstance(values, Choice):
        return distributions.CategoricalDistribution(values.values)
    if values.whole:
        return distributions.IntDistribution(int(values.low), int(values.high), log=values.log)
    return distributions.FloatDistribution(values.low, values.high, log=values.log)


def _require_ours(study: Study) -> None:
    if "identity" not in study.user_attrs and study.get_trials(deepcopy=False):
        raise OutputError(
            f"the database holds a study {study.study_name!r} that is no search of recurra: give "
            "another name with --study"
        )


def _require_same(kept: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    for name in [*now, *kept]:
        if kept.get(name) != now.get(name):
            raise OutputError(
                f"{folder} holds a search with {name} {kept.get(name)!r}, not {now.get(name)!r}: "
                "give what it was begun with, choose another --out, or --force begins anew"
            )


def is_search(folder: Path) -> bool:
    """Whether a search has begun in `folder`, or was killed as it was about to."""
    if says(folder / STUDY / PLACE, "place"):
        return True
    others = {entry.name for entry in folder.iterdir()} - {LOCK, STUDY}
    inside = (folder / STUDY).iterdir() if (folder / STUDY).is_dir() else None
    return inside is not None and not others and all(is_temporary(path.name) for path in inside)


def begin_study(folder: Path) -> None:
    """Make the study's folder with the mark by which it is known, where there is none yet."""
    (folder / STUDY).mkdir(exist_ok=True)
    path = folder / STUDY / PLACE
    if not path.is_file():
        write_atomic(path, json_to_bytes({"place": secrets.token_hex(8)}) + b"\n")


def _place(folder: Path) -> str:
    path = folder / STUDY / PLACE
    return cast(str, json_from_bytes(path.read_bytes(), str(path))["place"])
