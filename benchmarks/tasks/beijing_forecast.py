"""Air quality in Beijing, the next hour: mean squared and absolute error over the last year.

    python -m benchmarks.tasks.beijing_forecast --data DIR --seed 0 --json FILE [--quick]

DIR holds `pollution.csv`: 43,824 hours of which 2,067 lack the target. Holes in the history are
filled by the last value; a missing hour is neither learnt from nor measured. 2010 to 2012 to learn,
2013 to watch, 2014 to measure. Beside the target the network reads dew point, temperature,
pressure, wind, snow and rain up to now; the linear map reads the target alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.tasks.forecasts import Row, fitted, naive_rows, run
from recurra import SequenceForecaster

__all__ = ["SETTINGS", "main", "read"]

TARGET = "pm2.5"
COVARIATES = ("DEWP", "TEMP", "PRES", "Iws", "Is", "Ir")
LOOKBACK = 48
SETTINGS: dict[str, Any] = {
    "time": "time",
    "target": TARGET,
    "features": COVARIATES,
    "missing": "last",
    "horizon": 1,
    "lookback": LOOKBACK,
    "segment": 1,
    "season": 24,
    "hidden": 64,
    "dropout": 0.1,
    "batch_size": 256,
    "epochs": 6,
    "learning_rate": 3e-3,
    "threads": 1,
}
QUICK: dict[str, Any] = {"epochs": 1, "hidden": 8}


def read(folder: Path) -> pl.DataFrame:
    """Time, target and covariates."""
    table = pl.read_csv(folder / "pollution.csv", null_values="NA", infer_schema_length=None)
    time = pl.datetime("year", "month", "day", "hour")
    return table.select(time.dt.strftime("%Y-%m-%dT%H:%M").alias("time"), TARGET, *COVARIATES)


def measure(folder: Path, settings: dict[str, Any], quick: bool) -> list[Row]:
    """The rows of the network and of the naive forecasts."""
    table = read(folder)
    year = table["time"].str.slice(0, 4).cast(pl.Int64)
    before = {y: int((year < y).sum()) for y in (2013, 2014)}
    learn = table[: before[2013] // 10 if quick else before[2013]]
    watch = table[before[2013] - LOOKBACK : before[2014]]
    test = table[before[2014] - LOOKBACK :]
    forecaster = SequenceForecaster(**settings)
    row, figures = fitted(
        "next hour", "GRU", forecaster, test, lambda: forecaster.fit(learn, valid=watch)
    )
    return [row, *naive_rows("next hour", figures)]


def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Measure, print, write."""
    return run("beijing_forecast", "Forecasts of air quality.", measure, SETTINGS, QUICK, argv)


if __name__ == "__main__":
    main()
