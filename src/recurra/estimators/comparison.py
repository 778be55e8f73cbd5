"""`recurra.compare`: what the command compares, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from recurra.codecs import Cases, cases_from_arrays, read_cases, task_of
from recurra.errors import SettingsError
from recurra.estimators.estimator import is_table
from recurra.spec.report import Comparison
from recurra.spec.settings import Settings
from recurra.train.compare import CELLS, compare_cases
from recurra.train.compare_material import Files, read_test
from recurra.train.compare_trial import Silent, Watch

__all__ = ["cases_of", "compare"]

_TARGETS: dict[str, Literal["auto", "class", "number"]] = {"classify": "class", "regress": "number"}


def compare(
    X: Any,
    y: Any = None,
    *,
    out: str | Path,
    cells: Sequence[str] = CELLS,
    against: Sequence[str] = (),
    seeds: int = 5,
    test: Any = None,
    test_fraction: float = 0.2,
    parameters: int | None = None,
    equal_time: bool = True,
    jobs: int = 1,
    force: bool = False,
    watch: Watch | None = None,
    **settings: Any,
) -> Comparison:
    """Train every cell with every seed and say which differences are real.

    Args:
        X: The sequences: a file, a table, or what an estimator's `fit` takes.
        y: One label or number a sequence, where X is no file and no table.
        out: Folder of the trainings, the picture and comparison.json. The same call goes on where
            it was stopped; further cells and seeds are added.
        cells: "gru", "lstm", "rnn", "mingru".
        against: Networks of another kind beside them: "tcn" (a temporal convolution),
            "transformer" (an encoder).
        seeds: Trainings of each cell.
        test: The sequences that judge: a file, a table, or a pair (X, y); None: `test_fraction`
            of X, held out once.
        test_fraction: In (0, 1).
        parameters: Of each network; None: as many as a GRU of `hidden` units has.
        equal_time: Also train each cell for as long as the fastest one took.
        jobs: Processes that train side by side; more than one where X and test are files.
        force: Replace what stands in `out`.
        watch: Told how far it is.
        **settings: Any setting by its name: hidden=32, epochs=20, task="regress", ...

    Returns:
        What `recurra compare --json` prints: see `recurra.spec.report.Comparison`.

    Raises:
        DataError, ShapeError: the sequences cannot be used; says where and why.
        OutputError: `out` holds something else.
        SettingsError: an unknown cell or setting, or a value out of range.
    """
    if "cell" in settings:
        raise SettingsError("cell is what is compared: name the cells with cells=[...]")
    chosen = Settings.from_flat(settings)
    cases = cases_of(X, y, chosen)
    judging = None
    if test is not None:
        sequences, answers = test if isinstance(test, tuple) else (test, None)
        # What the first part's targets are, those of the second are too.
        named = Settings.from_flat({"task": task_of(cases, chosen.data)}, chosen)
        if answers is None and (isinstance(sequences, str | Path) or is_table(sequences)):
            judging = read_test(sequences, cases, chosen)
        else:
            judging = cases_of(sequences, answers, named)
    paths = [part for part in (X, test) if part is not None]
    files = None
    if all(isinstance(part, str | Path) for part in paths):
        files = Files(Path(X), None if test is None else Path(test))
    return compare_cases(
        cases,
        chosen,
        Path(out),
        watch or Silent(),
        cells=cells,
        against=against,
        seeds=seeds,
        test=judging,
        test_fraction=test_fraction,
        parameters=parameters,
        equal_time=equal_time,
        jobs=jobs,
        files=files,
        force=force,
    )


def cases_of(X: Any, y: Any, settings: Settings) -> Cases:
    """Cases with targets from a file, a table, or sequences and their answers."""
    if isinstance(X, str | Path) or is_table(X):
        if y is not None:
            raise SettingsError("a file or table holds its own targets: name them with target=")
        return read_cases(X, settings.data, need_target=True)
    target = _TARGETS.get(settings.data.task, "auto")
    return cases_from_arrays(X, y, layout=settings.data.layout, target=target)
