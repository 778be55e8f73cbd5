"""ETTh1, seven hourly series, 24 and 96 hours ahead: mean squared and absolute error.

    python -m benchmarks.tasks.etth1 --data DIR --seed 0 --json FILE [--quick]

DIR holds `ETTh1.csv`. 12 / 4 / 4 months (8640 / 2880 / 2880 hours) to learn, to watch and to
measure; all columns are standardised by the first part, and the errors are those of standardised
values; the windows of the last part reach back into the one before. The linear map is NLinear over
the same 336 hours, fitted in closed form in the same run. Published: LSTMa (24 hours) and GRU (96
hours), step by step, Zhou et al. 2021 and Zeng et al. 2023; SegRNN (96 hours), Lin et al. 2023,
arXiv:2308.11200, table 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.tasks.forecasts import Row, fitted, naive_rows, run
from recurra import SequenceForecaster

__all__ = ["SETTINGS", "main", "read"]

Array = npt.NDArray[Any]
LEARN, WATCH = 8640, 2880
LOOKBACK = 336
PUBLISHED = {24: {"LSTMa": 0.650}, 96: {"GRU": 1.135, "SegRNN": 0.351, "DLinear": 0.381}}
# A GRU over segments of a day reads 14 steps instead of 336; the rest is SegRNN's recipe with a
# linear head and a smaller state.
SETTINGS: dict[str, Any] = {
    "lookback": LOOKBACK,
    "segment": 24,
    "season": 24,
    "hidden": 256,
    "dropout": 0.3,
    "batch_size": 32,
    "epochs": 3,
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "threads": 1,
}
QUICK: dict[str, Any] = {"epochs": 1, "hidden": 16}


def read(folder: Path) -> Array:
    """The seven columns, standardised by the first part, [14400, 7]."""
    path = folder / "ETTh1.csv"
    values = np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(1, 8), max_rows=14400)
    first = values[:LEARN]
    standardised: Array = (values - first.mean(axis=0)) / first.std(axis=0)
    return standardised


def measure(folder: Path, settings: dict[str, Any], quick: bool) -> list[Row]:
    """The rows of both horizons."""
    values = read(folder)
    learn = values[: LEARN // 8 if quick else LEARN]
    watch = values[LEARN - LOOKBACK : LEARN + WATCH]
    test = values[LEARN + WATCH - LOOKBACK :]
    rows: list[Row] = []
    for horizon in (24, 96):
        name = f"{horizon} hours"
        forecaster = SequenceForecaster(horizon=horizon, **settings)
        row, figures = fitted(
            name,
            "GRU, segments",
            forecaster,
            test,
            partial(forecaster.fit, learn, valid=watch),
        )
        rows += [row, *naive_rows(name, figures)]
        rows += [
            Row(name, f"{model} (published)", None, None, None, error)
            for model, error in PUBLISHED[horizon].items()
        ]
    return rows


def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Measure, print, write."""
    return run("etth1", "Forecasts of ETTh1.", measure, SETTINGS, QUICK, argv)


if __name__ == "__main__":
    main()
