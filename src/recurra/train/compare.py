"""Which cell is best here, and is it really: several cells, several seeds, the same parts.

Beside them networks of another kind, where they are asked for (`rivals.py`).
The first table gives every cell as many parameters; the second as much training time. Each training
has a folder of its own, and one that is finished is not repeated: the same command goes on where it
was stopped, and takes further cells and seeds.
"""

from __future__ import annotations

import difflib
import math
import shutil
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from recurra.codecs import Cases
from recurra.errors import OutputError, SettingsError
from recurra.spec.canonical import json_from_bytes, json_to_bytes
from recurra.spec.disk import write_atomic
from recurra.spec.report import Comparison
from recurra.spec.settings import ModelSettings, Settings, refuse_foreign
from recurra.spec.settings_rules import refuse_unfed, unread
from recurra.train.baselines import baselines_of
from recurra.train.compare_costs import step_us
from recurra.train.compare_material import Files, Material, material_of
from recurra.train.compare_report import Table, comparison
from recurra.train.compare_trial import BUNDLE, Trial, Watch, finished
from recurra.train.compare_workers import run_here, run_in_processes
from recurra.train.own_folder import require_own_folder, says
from recurra.train.pictures import Curve, learning_curves
from recurra.train.rivals import RIVALS, read_rivals

__all__ = ["CELLS", "compare_cases", "read_cells"]

CELLS: tuple[str, ...] = get_args(ModelSettings.model_fields["cell"].annotation)
PLAN, TIME, RUNS = "plan.json", "equal_time.json", "runs"
PICTURE, REPORT = "curves.svg", "comparison.json"
# Two trainings whose epochs differ by less take the same time: what an epoch takes is not known
# more closely.
_SAME_TIME = 0.05


@dataclass(frozen=True)
class _Plan:
    """What all trainings of one call have in common."""

    material: Material
    settings: Settings
    test_fraction: float
    files: Files | None
    folder: Path
    watch: Watch
    jobs: int


def read_cells(names: Sequence[str]) -> tuple[str, ...]:
    """The names of cells, each once.

    Raises:
        SettingsError: none, or one that is unknown; gives the nearest.
    """
    if not names:
        raise SettingsError(f"expected at least one of the cells {', '.join(CELLS)}, got none")
    for name in names:
        if name not in CELLS:
            near = difflib.get_close_matches(name, CELLS, n=1, cutoff=0)[0]
            raise SettingsError(
                f"unknown cell {name!r}; did you mean {near!r}? There are {', '.join(CELLS)}"
            )
    return tuple(dict.fromkeys(names))


def compare_cases(
    cases: Cases,
    settings: Settings,
    folder: Path,
    watch: Watch,
    *,
    cells: Sequence[str] = CELLS,
    against: Sequence[str] = (),
    seeds: int = 5,
    test: Cases | None = None,
    test_fraction: float = 0.2,
    parameters: int | None = None,
    equal_time: bool = True,
    jobs: int = 1,
    files: Files | None = None,
    force: bool = False,
) -> Comparison:
    """Train every cell with every seed and say which differences are real.

    Args:
        cases: With targets.
        settings: Of every training; `seed` is that of the parts and of the first training.
        folder: Where everything goes; one that holds this comparison already is continued.
        watch: Told how far it is.
        cells: Names of cells.
        against: Names of networks of another kind: "tcn", "transformer".
        seeds: How many trainings a cell.
        test: What is judged by; None: `test_fraction` of the cases.
        test_fraction: In (0, 1).
        parameters: Of each network; None: as many as `settings.model` has.
        equal_time: Make the second table too.
        jobs: Processes that train side by side.
        files: Where `cases` and `test` were read; several processes read them again.
        force: Replace the comparison that `folder` holds.

    Returns:
        What `recurra compare --json` prints; also in `folder`, with a picture.

    Raises:
        DataError: the cases cannot be learnt from, or be parted.
        OutputError: `folder` holds something else, or cannot be written.
        SettingsError: an unknown cell, or no seed; a task or setting that leaves no place for a
            network of another kind.
    """
    cells = (*read_cells(cells), *read_rivals(against))
    _check(seeds, test_fraction, jobs, files)
    material = material_of(cases, settings, test=test, test_fraction=test_fraction)
    _refuse_unread(material, cells)
    model = material.settings.model
    budget = parameters
    if budget is None:
        budget = material.parameters(model.cell, model.hidden)
    widths = {cell: material.hidden(cell, budget) for cell in cells}
    for cell, width in widths.items():
        least = material.parameters(cell, width)
        if width == 1 and least > budget:
            given = f"parameters={budget}"
            if parameters is None:
                given = f"hidden={model.hidden} gives a {model.cell} {budget} parameters"
            raise SettingsError(f"{given}: the smallest {cell} network here has {least}: take more")
    _open(folder, material.identity() | {"parameters": budget}, force)

    plan = _Plan(material, settings, test_fraction, files, folder, watch, jobs)
    first, epochs = settings.training.seed, settings.training.epochs

    def trained(title: str, epochs_of: Mapping[str, int]) -> Table:
        numbers = range(first, first + seeds)
        return _trained(
            plan, title, [Trial(c, widths[c], epochs_of[c], s) for s in numbers for c in epochs_of]
        )

    table = trained("equal parameters", dict.fromkeys(cells, epochs))
    timed, seconds = None, 0.0
    if equal_time and len(cells) > 1:
        seconds, epochs_of = _equal_time(table, epochs, folder / TIME)
        timed = trained("equal training time", epochs_of)
    bundles = {
        trial.cell: folder / RUNS / trial.name / BUNDLE
        for trial, result in reversed(table)
        if result["failed"] is None and trial.cell not in RIVALS
    }
    write_atomic(
        folder / PICTURE,
        learning_curves(_curves(table, folder), material.metric[0]).encode("utf-8"),
    )
    found = comparison(
        material,
        table,
        timed,
        seconds=seconds,
        parameters=budget,
        baselines=baselines_of(material),
        step_us=step_us(bundles, material.test),
        folder=folder,
        picture=folder / PICTURE,
    )
    write_atomic(folder / REPORT, json_to_bytes(dict(found)) + b"\n")
    return found


def _check(seeds: int, test_fraction: float, jobs: int, files: Files | None) -> None:
    if seeds < 1:
        raise SettingsError(f"seeds must be at least 1, got {seeds}")
    if not 0 < test_fraction < 1:
        raise SettingsError(f"test_fraction must be in (0, 1), got {test_fraction}")
    if jobs < 1:
        raise SettingsError(f"jobs must be at least 1, got {jobs}")
    if jobs > 1 and files is None:
        raise SettingsError(
            f"jobs={jobs} processes read the cases from a file, these are in memory: write them to "
            "a file, or take jobs=1"
        )


def _refuse_unread(material: Material, cells: Sequence[str]) -> None:
    """Refuse a setting that no network of the comparison reads, or that one cannot be given."""
    settings = material.settings
    plain, kinds = Settings().flat(), [cell for cell in cells if cell in CELLS]
    found = [unread(settings.flat() | {"cell": cell}, plain) for cell in kinds]
    for name, why in found[0].items() if found else ():
        if all(name in others for others in found):
            raise SettingsError(f"{name} is read with {why}: leave it out")
    for cell in cells:
        refuse_foreign(material.settings_of(cell), material.task.name)
    graphs = material.task.graphs(settings.model, material.codec)
    refuse_unfed(settings.flat(), plain, graphs)


def _open(folder: Path, identity: dict[str, Any], force: bool) -> None:
    """Make the folder, or go on with the comparison that it holds.

    Raises:
        OutputError: it holds something else, or a comparison of other parts or settings.
    """
    path = folder / PLAN
    there = require_own_folder(folder, _is_own, "comparison")
    if there and force:
        shutil.rmtree(folder / RUNS, ignore_errors=True)
        (folder / TIME).unlink(missing_ok=True)
    elif there:
        kept = json_from_bytes(path.read_bytes(), str(path))
        for name in [*identity, *kept]:
            if kept.get(name) != identity.get(name):
                raise OutputError(
                    f"{folder} holds a comparison with {name} {kept.get(name)!r}, not "
                    f"{identity.get(name)!r}: choose another --out, or --force begins anew"
                )
    write_atomic(path, json_to_bytes(identity) + b"\n")


def _is_own(folder: Path) -> bool:
    return says(folder / PLAN, "recurra", "parameters", "training sequences")


def _trained(plan: _Plan, title: str, trials: list[Trial]) -> Table:
    """Every trial with its result; those that are not finished yet are run."""
    runs = plan.folder / RUNS
    open_trials = [trial for trial in trials if finished(runs / trial.name) is None]
    plan.watch.on_table(title, len(trials), len(trials) - len(open_trials))
    if plan.files is None or min(plan.jobs, len(open_trials)) < 2:
        run_here(plan.material, open_trials, runs, plan.watch)
    else:
        run_in_processes(
            plan.files,
            plan.settings,
            plan.test_fraction,
            open_trials,
            runs,
            plan.watch,
            plan.jobs,
        )
    results = [(trial, finished(runs / trial.name)) for trial in trials]
    return [(trial, result) for trial, result in results if result is not None]


def _equal_time(table: Table, epochs: int, path: Path) -> tuple[float, dict[str, int]]:
    """Seconds of the fastest cell's training, and how many epochs of each cell fit them.

    What was once found is kept in `path`: a second measurement would ask for other trainings.
    """
    kept: dict[str, Any] = {}
    if path.is_file():
        kept = json_from_bytes(path.read_bytes(), str(path))
    measured: dict[str, list[float]] = {}
    for trial, result in table:
        if result["failed"] is None:
            measured.setdefault(trial.cell, []).append(result["epoch_seconds"])
    of_epoch = {cell: statistics.median(seconds) for cell, seconds in measured.items()}
    if not of_epoch:
        return 0.0, {}
    seconds: float = kept.get("seconds", epochs * min(of_epoch.values()))
    fit = {cell: seconds / of_epoch[cell] for cell in of_epoch}
    epochs_of = {
        cell: epochs if abs(count / epochs - 1) < _SAME_TIME else max(1, math.floor(count))
        for cell, count in fit.items()
    } | kept.get("epochs", {})
    write_atomic(path, json_to_bytes({"seconds": seconds, "epochs": epochs_of}) + b"\n")
    return seconds, {cell: epochs_of[cell] for cell in of_epoch}


def _curves(table: Table, folder: Path) -> list[Curve]:
    """The histories of the first table's trainings."""
    found = []
    for trial, result in table:
        path = folder / RUNS / trial.name / f"{BUNDLE}.run" / "history.jsonl"
        if path.is_file():
            lines = path.read_bytes().splitlines()
            records = [json_from_bytes(line, str(path)) for line in lines]
            found.append(Curve(trial.cell, records, result["epoch_seconds"]))
    return found
