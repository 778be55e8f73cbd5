"""Airline passengers, 144 months, a year ahead: MASE over the last three years.

    python -m benchmarks.tasks.airline --data DIR --seed 0 --json FILE [--quick]

DIR holds `Airline.csv`. The first 108 months are there to learn from, the last 12 of them also to
choose the epoch; each of the last 36 months is forecast from every month before it, up to a year
ahead. MASE is in units of the seasonal naive forecast's error over the 108 months.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tasks.forecasts import Row, fitted, naive_rows, run
from recurra import SequenceForecaster

__all__ = ["SETTINGS", "main"]

LEARN, LOOKBACK = 108, 36
SETTINGS: dict[str, Any] = {
    "horizon": 12,
    "lookback": LOOKBACK,
    "season": 12,
    "hidden": 32,
    "dropout": 0.1,
    "batch_size": 8,
    "epochs": 60,
    "learning_rate": 1e-2,
    "threads": 1,
}
QUICK: dict[str, Any] = {"epochs": 2}


def measure(folder: Path, settings: dict[str, Any], quick: bool) -> list[Row]:
    """The rows of the network and of the naive forecasts."""
    del quick  # the series is short as it is
    path = folder / "Airline.csv"
    values = np.loadtxt(path, delimiter=",", skiprows=1, usecols=1)
    forecaster = SequenceForecaster(**settings)
    watch = values[LEARN - 12 - LOOKBACK : LEARN]
    row, figures = fitted(
        "12 months",
        "GRU, segments",
        forecaster,
        values[LEARN - LOOKBACK :],
        lambda: forecaster.fit(values[:LEARN], valid=watch),
    )
    return [row, *naive_rows("12 months", figures)]


def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Measure, print, write."""
    return run("airline", "Forecasts of airline passengers.", measure, SETTINGS, QUICK, argv)


if __name__ == "__main__":
    main()
