"""In-hospital death from 48 hours of intensive care, most of it not measured: AUC, five folds.

    python -m benchmarks.tasks.physionet2012 --data DIR --seed 0 --json FILE [--quick]

DIR holds `set-a.csv.gz` (RecordID, Time, Parameter, Value; one measurement a row) and
`Outcomes-a.txt`. A step is the mean of what was measured within `--grid` hours (0: the measurements
of one time); descriptors that are given as -1 are missing. A sixth of each training part is held
out to choose the epoch. The logistic regression reads mean, last value and observed rate of each
variable. Published: Che et al. 2018, arXiv:1606.01865, table 2 (five folds of the same stays).
"""

from __future__ import annotations

import gzip
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from benchmarks.command import Clock, changes, options, write
from recurra import SequenceClassifier
from recurra.codecs import Cases, read_cases
from recurra.metrics import auc
from recurra.spec.settings import DataSettings

__all__ = ["PUBLISHED", "Row", "main", "summaries"]

Array = npt.NDArray[Any]
FOLDS = 5
# Written as -1 where they are not known.
DESCRIPTORS = ("Age", "Gender", "Height", "ICUType", "Weight")
# Whether it was observed is all that it tells: it is 1 or absent.
FLAG = "MechVent"
PUBLISHED = {
    "logistic regression": 0.742,
    "GRU-mean": 0.820,
    "GRU-forward": 0.816,
    "GRU-simple": 0.816,
    "GRU-D": 0.842,
}
STRATEGIES = {"GRU-mean": "mean", "GRU-forward": "last", "GRU-simple": "mask", "GRU-D": "decay"}
SETTINGS: dict[str, Any] = {
    "hidden": 64,
    "reset": "before",
    "dropout": 0.3,
    "input_dropout": 0.3,
    "epochs": 10,
    "batch_size": 64,
    "learning_rate": 1e-3,
    "winsorise": 0.001,
    "valid_fraction": 1 / 6,
    "watch": "auc",
    "threads": 1,
}
QUICK: dict[str, Any] = {"epochs": 2, "hidden": 16}

# Filled with means, most of the input is noise already: more dropout than this loses 0.01.
CHANGES: dict[str, dict[str, Any]] = {
    "GRU-mean": {"dropout": 0.1, "input_dropout": 0.1, "epochs": 14}
}


@dataclass(frozen=True)
class Row:
    """One model: the AUC of each fold and their mean, beside what was published."""

    model: str
    auc: float
    folds: tuple[float, ...]
    published: float
    seconds: float
    cpu_seconds: float


def read(folder: Path, most: int | None) -> Cases:
    """The stays with their outcomes, `most` of them."""
    with tempfile.TemporaryDirectory() as temporary:
        table = Path(temporary) / "set-a.csv"
        table.write_bytes(gzip.decompress((folder / "set-a.csv.gz").read_bytes()))
        # The reader tells a table by its suffix.
        labels = Path(temporary) / "outcomes.csv"
        labels.write_bytes((folder / "Outcomes-a.txt").read_bytes())
        settings = DataSettings(
            task="classify",
            variable="Parameter",
            value="Value",
            labels=labels,
            target="In-hospital_death",
        )
        cases = read_cases(table, settings)
    if most is not None:
        cases = cases.subset(range(most))
    unknown = [cases.features.index(name) for name in DESCRIPTORS]
    inputs = []
    for x in cases.inputs:
        x = x.copy()
        x[:, unknown] = np.where(x[:, unknown] == -1, np.nan, x[:, unknown])
        inputs.append(x)
    return replace(cases, inputs=tuple(inputs))


def gridded(cases: Cases, hours: float) -> Cases:
    """Steps of so many hours, each the mean of what was measured in it; 0: as they are."""
    if not hours:
        return cases
    inputs, times = [], []
    for x, clock in zip(cases.inputs, cases.times or (), strict=True):
        bins = np.floor(clock / (3600.0 * hours)).astype(np.int64)
        there, step = np.unique(bins, return_inverse=True)
        total, count = np.zeros((2, len(there), x.shape[1]))
        seen = ~np.isnan(x)
        np.add.at(total, step, np.where(seen, x, 0.0))
        np.add.at(count, step, seen)
        inputs.append(np.where(count > 0, total / np.maximum(count, 1.0), np.nan))
        times.append(there * 3600.0 * hours)
    return replace(cases, inputs=tuple(inputs), times=tuple(times))


def without_flag(cases: Cases) -> Cases:
    """Without the variable that is constant wherever it was observed."""
    return cases.with_features(tuple(name for name in cases.features if name != FLAG))


def summaries(cases: Cases) -> Array:
    """Mean, last value and observed rate of each variable, [N, 3 C]; NaN where never observed."""
    rows = []
    for x in cases.inputs:
        seen = ~np.isnan(x)
        count = seen.sum(axis=0)
        total = np.where(seen, x, 0.0).sum(axis=0)
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        newest = len(x) - 1 - np.argmax(seen[::-1], axis=0)
        last = np.where(count > 0, x[newest, np.arange(x.shape[1])], np.nan)
        rows.append(np.concatenate([mean, last, count / len(x)]))
    return np.stack(rows)


def logistic(train: Cases, test: Cases) -> Array:
    """The probability of class 1 by a logistic regression on the summaries."""
    x, unseen = summaries(train), summaries(test)
    centre = np.nanmean(x, axis=0)
    low, high = np.nanquantile(x, [0.001, 0.999], axis=0)

    def filled(rows: Array) -> Array:
        return np.clip(np.where(np.isnan(rows), centre, rows), low, high)

    scaler = StandardScaler().fit(filled(x))
    # The penalty that five folds of this set like best of 1, 0.1, 0.01 and 0.001.
    model = LogisticRegression(C=0.01, max_iter=2000)
    model.fit(scaler.transform(filled(x)), [int(label) for label in train.target_values()])
    probability: Array = model.predict_proba(scaler.transform(filled(unseen)))
    return probability


def network(train: Cases, test: Cases, settings: dict[str, Any]) -> Array:
    """The probabilities of a GRU with these settings."""
    if settings["missing"] in ("mean", "last"):
        train, test = without_flag(train), without_flag(test)
    model = SequenceClassifier(**settings)
    model.fit(train.raw, train.target_values())
    probability: Array = model.predict_proba(test.raw)
    return probability


def measured(name: str, cases: Cases, grid: float, settings: dict[str, Any], folds: int) -> Row:
    """One model over all folds; the settings' seed draws them too."""
    if name in STRATEGIES:
        cases = gridded(cases, grid)
    labels = np.array([int(label) for label in cases.target_values()])
    splits = StratifiedKFold(folds, shuffle=True, random_state=settings["seed"])
    found = []
    with Clock() as clock:
        for train, test in splits.split(labels, labels):
            parts = cases.subset(train), cases.subset(test)
            if name in STRATEGIES:
                answers = network(*parts, settings | {"missing": STRATEGIES[name]})
            else:
                answers = logistic(*parts)
            area = auc(answers, labels[test])
            assert area is not None  # both classes are in every fold
            found.append(area)
            print(f"{name}: fold {len(found)}, AUC {found[-1]:.4f}", flush=True)
    return Row(
        name,
        float(np.mean(found)),
        tuple(found),
        PUBLISHED[name],
        clock.seconds,
        clock.cpu_seconds,
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a table, and write JSON."""
    quick = "400 stays, two folds, two epochs"
    parser = options(__doc__, data="folder physionet2012", quick=quick)
    parser.add_argument("--grid", type=float, default=2.0, help="hours of a step; 0: each time")
    parser.add_argument("--models", nargs="*", choices=PUBLISHED, default=list(PUBLISHED))
    chosen = parser.parse_args(arguments)
    cases = read(chosen.data, 400 if chosen.quick else None)
    changed = changes(chosen, QUICK) | {"seed": chosen.seed}
    folds = 2 if chosen.quick else FOLDS
    rows = [
        measured(name, cases, chosen.grid, SETTINGS | CHANGES.get(name, {}) | changed, folds)
        for name in chosen.models
    ]
    for row in rows:
        print(
            f"{row.model:<20} AUC {row.auc:.4f} (published {row.published:.3f})"
            f"  {row.cpu_seconds:.0f} CPU s"
        )
    kept = [asdict(row) for row in rows]
    write(
        "physionet2012",
        chosen,
        SETTINGS | changed,
        kept,
        changes=CHANGES,
        grid_hours=chosen.grid,
        stays=len(cases),
    )


if __name__ == "__main__":
    main()
