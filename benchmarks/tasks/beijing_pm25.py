"""Fine dust over Beijing in the next hour, from a day of readings with holes: against last value.

    python -m benchmarks.tasks.beijing_pm25 --data DIR --seed 0 --json FILE [--quick]

DIR holds the hourly table of Liang et al. 2015 (43,824 rows, 2010 to 2014; 2,067 dust readings are
missing, and stay so in the input). Each case is 24 hours of dust and weather; the target is the
next hour's dust less the last one that was observed, so that a network that has learnt nothing is
the last value. Learnt on 2010 to 2013, measured on every hour of 2014 with a reading, in ug/m3.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.linear_model import Ridge

from benchmarks.command import changes, options, write
from recurra import SequenceRegressor
from recurra.metrics import mae, mse

__all__ = ["Row", "filled", "main", "windows"]

Array = npt.NDArray[Any]
HOURS = 24
FEATURES = ("pm2.5", "DEWP", "TEMP", "PRES", "Iws", "Is", "Ir")
STRATEGIES = ("last", "mask", "decay")
SETTINGS: dict[str, Any] = {
    "hidden": 48,
    "dropout": 0.1,
    "pool": ("last",),
    "epochs": 8,
    "batch_size": 128,
    "learning_rate": 2e-3,
    "winsorise": 0.001,
    "valid_fraction": 0.1,
    "threads": 1,
}
QUICK: dict[str, Any] = {"epochs": 2}


@dataclass(frozen=True)
class Row:
    """One way to tell the next hour, and its errors in 2014."""

    model: str
    mse: float
    mae: float
    cpu_seconds: float


def windows(values: Array, begin: int, end: int, stride: int) -> tuple[Array, Array, Array]:
    """Days [N, 24, C] that end ahead of a reading, the dust seen last, and the reading; [N].

    Args:
        values: Hours, [T, C], dust first; NaN where missing.
        begin: First hour whose dust is told.
        end: The hour after the last one.
        stride: Hours between two windows.
    """
    days, last, wanted = [], [], []
    for hour in range(max(begin, HOURS), end, stride):
        day = values[hour - HOURS : hour]
        seen = day[~np.isnan(day[:, 0]), 0]
        # Without any dust in the day there is no last value to compare with.
        if len(seen) and not np.isnan(values[hour, 0]):
            days.append(day)
            last.append(seen[-1])
            wanted.append(values[hour, 0])
    return np.stack(days), np.array(last), np.array(wanted)


def filled(days: Array) -> Array:
    """The days as rows of one table: the last value carried, ahead of the first the day's own."""
    out = days.copy()
    for hour in range(1, HOURS):
        out[:, hour] = np.where(np.isnan(out[:, hour]), out[:, hour - 1], out[:, hour])
    for hour in range(HOURS - 2, -1, -1):
        out[:, hour] = np.where(np.isnan(out[:, hour]), out[:, hour + 1], out[:, hour])
    return out.reshape(len(out), -1)


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a table, and write JSON."""
    quick = "a tenth of the windows, two epochs"
    chosen = options(__doc__, data="folder beijing_pm25", quick=quick).parse_args(arguments)
    settings = SETTINGS | changes(chosen, QUICK) | {"seed": chosen.seed}
    (file,) = chosen.data.glob("*.csv")
    table = pl.read_csv(file, null_values="NA", infer_schema_length=None)
    values = table.select(pl.col(list(FEATURES)).cast(pl.Float64)).fill_null(np.nan).to_numpy()
    year = int(np.flatnonzero(table["year"].to_numpy() == 2014)[0])
    train = windows(values, 0, year, 20 if chosen.quick else 2)
    test = windows(values, year, len(values), 10 if chosen.quick else 1)
    rows: list[Row] = []

    def add(name: str, change: Array, begin: float) -> None:
        answers = test[1] + change
        spent = round(time.process_time() - begin, 1)
        rows.append(Row(name, float(mse(answers, test[2])), float(mae(answers, test[2])), spent))
        print(f"{name:<12} MSE {rows[-1].mse:7.1f}  MAE {rows[-1].mae:6.2f}  {spent} CPU s")

    add("last value", np.zeros(len(test[1])), time.process_time())
    begin = time.process_time()
    ridge = Ridge(alpha=1.0).fit(filled(train[0]), train[2] - train[1])
    add("linear map", ridge.predict(filled(test[0])), begin)
    for strategy in STRATEGIES:
        begin = time.process_time()
        model = SequenceRegressor(**(settings | {"missing": strategy}))
        model.fit(train[0], train[2] - train[1])
        add(f"GRU {strategy}", model.predict(test[0]), begin)
    counts = [len(train[1]), len(test[1])]
    write("beijing_pm25", chosen, settings, [asdict(row) for row in rows], windows=counts)


if __name__ == "__main__":
    main()
