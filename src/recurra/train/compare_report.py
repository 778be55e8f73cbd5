"""From finished trainings to means, intervals, differences, and the sentence that sums them up."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.spec.report import (
    BaselineResult,
    CellResult,
    Comparison,
    Difference,
    EqualTime,
    SeedRun,
)
from recurra.train.baselines import Baseline
from recurra.train.compare_material import Material
from recurra.train.compare_trial import Finished, Trial
from recurra.train.compare_verdict import verdict
from recurra.train.interval import LEVEL, Interval, intervals
from recurra.train.rivals import ABSENT, RIVALS

__all__ = ["Contender", "Table", "comparison"]

Array = npt.NDArray[Any]
Table = list[tuple[Trial, Finished]]
# Metrics of tasks that lie in [0, 1].
RATES = ("accuracy", "macro_f1", "auc", "entity_f1")
# Metrics that are never below 0.
POSITIVE = ("mse", "mae", "mase", "log_loss", "word_error_rate", "symbol_error_rate")


@dataclass(frozen=True)
class Contender:
    """What a cell or a baseline scored.

    Args:
        name: Of the cell or the baseline.
        scores: [S, N], of each seed on each case; [S, 1] where cases have no scores of their own.
    """

    name: str
    scores: Array

    @property
    def mean(self) -> float:
        """Over all of it."""
        return float(self.scores.mean())


def comparison(
    material: Material,
    table: Table,
    timed: Table | None,
    *,
    seconds: float,
    parameters: int,
    baselines: Sequence[Baseline],
    step_us: Mapping[str, float | None],
    folder: Path,
    picture: Path,
) -> Comparison:
    """The whole report.

    Args:
        material: The parts.
        table: Trainings of equal parameters.
        timed: Trainings of equal time; None: not asked for.
        seconds: What each of these may take.
        parameters: The budget.
        baselines: On the same test part.
        step_us: By cell.
        folder: Where the trainings are.
        picture: Where the picture is.
    """
    metric, direction = material.metric
    known = [baseline for baseline in baselines if metric in baseline.figures]
    known += _in_figures(table, metric)
    drawn = all(result["scores"] is not None for _, result in table if result["failed"] is None)

    def results(rows: Table) -> list[CellResult]:
        return _results(rows, metric, step_us, folder)

    def judged(rows: Table) -> tuple[list[Difference], str]:
        cells = _contenders(rows, metric, drawn)
        differences = _differences(cells, known, metric, direction)
        failed = [entry["cell"] for entry in results(rows) if entry["failed"]]
        return differences, verdict(
            cells,
            known,
            differences,
            metric=metric,
            direction=direction,
            failed=failed,
            others=RIVALS,
        )

    differences, sentence = judged(table)
    equal_time = None
    if timed:
        pair = judged(timed)
        equal_time = EqualTime(
            seconds=seconds, results=results(timed), differences=pair[0], verdict=pair[1]
        )
    parts = {"train": material.train, "watched": material.valid, "test": material.test}
    return Comparison(
        task=material.task.name,
        metric=metric,
        direction=direction,
        level=LEVEL,
        drawn="seeds and test sequences" if drawn else "seeds",
        sequences={name: len(part) for name, part in parts.items() if part is not None},
        repeated=material.repeated,
        parameters=parameters,
        results=results(table),
        baselines=[
            BaselineResult(
                name=b.name, about=b.about, mean=b.figures[metric], figures={**b.figures}
            )
            for b in known
        ],
        differences=differences,
        verdict=sentence,
        equal_time=equal_time,
        picture=str(picture),
    )


def _by_cell(table: Table) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for trial, result in table:
        found.setdefault(trial.cell, []).append((trial, result))
    return found


def _results(
    table: Table, metric: str, step_us: Mapping[str, float | None], folder: Path
) -> list[CellResult]:
    """One entry a cell, the order as asked for."""
    cells = _by_cell(table)
    contenders = {c.name: c for c in _contenders(table, metric, True)}
    names = list(contenders)
    found = dict(zip(names, intervals([contenders[n].scores for n in names]), strict=True))
    found = {name: _possible(interval, metric) for name, interval in found.items()}
    entries = []
    for cell, rows in cells.items():
        done = [(trial, result) for trial, result in rows if result["failed"] is None]
        whole = cell in contenders
        interval = found.get(cell)
        names_of = done[0][1]["figures"] if done else {}
        sizes = [r["bundle_bytes"] for _, r in done if r["bundle_bytes"] is not None]
        entries.append(
            CellResult(
                cell=cell,
                kind="rival" if cell in RIVALS else "cell",
                hidden=rows[0][0].hidden,
                parameters=rows[0][1]["parameters"],
                mean=contenders[cell].mean if whole else None,
                interval=interval.limits if interval else None,
                figures={n: _mean([r["figures"][n] for _, r in done]) for n in names_of},
                training_seconds=_mean([r["epoch_seconds"] * r["epochs"] for _, r in done])
                if done
                else None,
                step_us=step_us.get(cell),
                bundle_bytes=round(_mean(sizes)) if sizes else None,
                absent=_absent(cell, step_us.get(cell)) if done else {},
                epochs=rows[0][0].epochs,
                seeds=[_seed_run(trial, result, folder) for trial, result in done],
                failed=[f"seed {t.seed}: {r['failed']}" for t, r in rows if r["failed"]],
            )
        )
    return entries


def _absent(cell: str, step_us: float | None) -> dict[str, str]:
    """Why a cost of a trained network is null."""
    if cell in RIVALS:
        return dict(ABSENT)
    return {} if step_us is not None else {"step_us": "it cannot run one step at a time"}


def _possible(interval: Interval | None, metric: str) -> Interval | None:
    """The limits without what no such figure can be."""
    if interval is None or metric not in (*RATES, *POSITIVE):
        return interval
    high = min(1.0, interval.high) if metric in RATES else interval.high
    return Interval(interval.mean, max(0.0, interval.low), high)


def _seed_run(trial: Trial, result: Finished, folder: Path) -> SeedRun:
    return SeedRun(
        seed=trial.seed,
        mean=result["figures"][result["metric"]],
        figures=result["figures"],
        epochs=result["epochs"],
        best_epoch=result["best_epoch"],
        stopped=result["stopped"],
        training_seconds=result["epoch_seconds"] * result["epochs"],
        fit_seconds=result["fit_seconds"],
        bundle=None if trial.cell in RIVALS else str(folder / "runs" / trial.name / "bundle"),
    )


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values)


def _contenders(table: Table, metric: str, drawn: bool) -> list[Contender]:
    """The cells whose every training succeeded."""
    found = []
    for cell, rows in _by_cell(table).items():
        if any(result["failed"] for _, result in rows):
            continue
        scores = [result["scores"] for _, result in rows]
        if drawn and all(row is not None for row in scores):
            found.append(Contender(cell, np.array(scores, np.float64)))
        else:
            figures = [[result["figures"][metric]] for _, result in rows]
            found.append(Contender(cell, np.array(figures, np.float64)))
    return found


def _differences(
    cells: Sequence[Contender], baselines: Sequence[Baseline], metric: str, direction: str
) -> list[Difference]:
    """Each pair of cells, the better one first, and the best cell against each baseline."""
    if not cells:
        return []
    ranked = sorted(cells, key=lambda c: -c.mean if direction == "max" else c.mean)
    pairs = [(a.name, b.name, a.scores - b.scores) for a, b in combinations(ranked, 2)]
    best = ranked[0]
    for baseline in baselines:
        other: Any = baseline.figures[metric]
        if baseline.scores is not None and best.scores.shape[1] == len(baseline.scores):
            other = np.asarray(baseline.scores)
        pairs.append((best.name, baseline.name, best.scores - other))
    found = intervals([scores for _, _, scores in pairs])
    return [
        Difference(
            first=first,
            second=second,
            difference=float(scores.mean()),
            interval=interval.limits if interval else None,
            real=interval.excludes_zero if interval else None,
        )
        for (first, second, scores), interval in zip(pairs, found, strict=True)
    ]


def _in_figures(table: Table, metric: str) -> list[Baseline]:
    """Baselines that a task measures beside its networks, as `last_value_mse` beside `mse`."""
    ending = f"_{metric}"
    figures = next((result["figures"] for _, result in table if result["failed"] is None), {})
    names = [name.removesuffix(ending) for name in figures if name.endswith(ending)]
    return [
        Baseline(name, "measured beside every network", {metric: figures[name + ending]})
        for name in names
    ]
