"""`recurra.tune`: what the command searches, from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recurra.codecs import Cases, task_of
from recurra.errors import SettingsError
from recurra.estimators.comparison import cases_of
from recurra.spec.report import Tuning
from recurra.spec.settings import Settings
from recurra.spec.space import Choice
from recurra.train.tune import tune_cases
from recurra.train.tune_trial import Silent, Watch

__all__ = ["tune"]


def tune(
    X: Any,
    y: Any = None,
    *,
    out: str | Path,
    trials: int = 20,
    space: Mapping[str, str | Sequence[bool | int | float | str] | None] | None = None,
    only: bool = False,
    valid: Any = None,
    storage: str | None = None,
    study: str | None = None,
    prune: bool = True,
    force: bool = False,
    watch: Watch | None = None,
    **settings: Any,
) -> Tuning:
    """Search settings that suit the sequences, judged on a part that is held out.

    Args:
        X: The sequences: a file, a table, or what an estimator's `fit` takes.
        y: One label or number a sequence, where X is no file and no table.
        out: Folder of best.toml, the trials and the picture. The same call goes on where it was
            stopped; several at once share the work.
        trials: Trainings, those of all processes together.
        space: Setting -> what is searched: "16..256:log", "gru,lstm", a list of values, or None for
            the setting's own range; added to the default space.
        only: Search nothing but what `space` names.
        valid: Held-out sequences: a file, a table, or a pair (X, y); None: `valid_fraction` of X.
        storage: URL of a database that processes on several machines share; None: a file in `out`.
        study: Name of the search in it; None: the name of `out`.
        prune: Stop a trial that is worse than half of the others were after as many epochs.
        force: Begin anew.
        watch: Told how far it is.
        **settings: Settings that are not searched, by name: epochs=20, cell="gru", ...

    Returns:
        What `recurra tune --json` prints: see `recurra.spec.report.Tuning`; the best settings are
        `found["best"]["settings"]`, beside those that were given here.

    Raises:
        DataError, ShapeError: the sequences cannot be used; says where and why.
        DependencyError: Optuna is not installed.
        OutputError: `out` holds something else, or a search of other settings or sequences.
        SettingsError: an unknown setting, a range that it does not take, nothing held out.
        TrainingError: every trial failed.
    """
    chosen = Settings.from_flat(settings)
    cases = cases_of(X, y, chosen)
    return tune_cases(
        cases,
        chosen,
        Path(out),
        watch or Silent(),
        trials=trials,
        space=[_written(name, values) for name, values in (space or {}).items()],
        fixed=tuple(settings),
        only=only,
        valid=_held(valid, cases, chosen),
        storage=storage,
        name=study,
        prune=prune,
        force=force,
    )


def _held(valid: Any, cases: Cases, settings: Settings) -> Cases | None:
    if valid is None:
        return None
    sequences, answers = valid if isinstance(valid, tuple) else (valid, None)
    # What the first part's targets are, those of the second are too.
    named = Settings.from_flat({"task": task_of(cases, settings.data)}, settings)
    return cases_of(sequences, answers, named)


def _written(name: str, values: str | Sequence[bool | int | float | str] | None) -> str:
    """As --space has it."""
    if values is None:
        return name
    if isinstance(values, str):
        return f"{name}={values}"
    if not values:
        raise SettingsError(f"{name}: expected at least one value to try, got none")
    return f"{name}={Choice(tuple(values))}"
