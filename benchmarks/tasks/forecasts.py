"""What the forecasting benchmarks share: a row of figures, and the command that prints them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.command import Clock, changes, options, write

__all__ = ["Row", "fitted", "naive_rows", "run"]

NAIVE = {"last_value": "last value", "seasonal_naive": "seasonal naive", "linear": "linear map"}


@dataclass(frozen=True)
class Row:
    """One forecaster on one test part; published: a mean squared error that others report."""

    data: str
    model: str
    mse: float | None
    mae: float | None
    mase: float | None
    published: float | None = None
    cpu_seconds: float = 0.0


def fitted(
    data: str, name: str, forecaster: Any, test: Any, learn: Callable[[], Any]
) -> tuple[Row, dict[str, float]]:
    """The row of a forecaster that `learn` trains, measured on `test`; and all its figures."""
    with Clock() as clock:
        learn()
    figures = forecaster.backtest(test)
    row = Row(
        data,
        name,
        figures["mse"],
        figures["mae"],
        figures["mase"],
        cpu_seconds=clock.cpu_seconds,
    )
    return row, figures


def naive_rows(data: str, figures: dict[str, float]) -> list[Row]:
    """The rows of the forecasters without a network, measured on the same windows."""
    rows = []
    for name, shown in NAIVE.items():
        mse, mae, error = (figures[f"{name}_{metric}"] for metric in ("mse", "mae", "mase"))
        rows.append(Row(data, shown, mse, mae, error))
    return rows


def run(
    task: str,
    description: str,
    measure: Callable[[Path, dict[str, Any], bool], Sequence[Row]],
    settings: dict[str, Any],
    quick: dict[str, Any],
    argv: Sequence[str] | None = None,
) -> list[Row]:
    """The command `--data DIR --seed S --json FILE [--quick]`: print the rows, write them as JSON.

    Args:
        task: Name of the benchmark.
        description: Of the command.
        measure: Folder, settings and whether to be quick -> rows.
        settings: Of the forecaster.
        quick: Those that `--quick` changes.
        argv: Arguments; None: those of the process.
    """
    parser = options(
        description, data="folder of the file", quick="one epoch or two of a small network"
    )
    chosen = parser.parse_args(argv)
    used = settings | changes(chosen, quick) | {"seed": chosen.seed}
    rows = list(measure(chosen.data, used, chosen.quick))
    print(
        f"{'data':<14}{'model':<18}{'MSE':>12}{'MAE':>10}{'MASE':>9}{'published':>11}{'CPU s':>8}"
    )
    for row in rows:
        cells = (
            f"{_shown(row.mse, 4):>12}{_shown(row.mae, 4):>10}{_shown(row.mase, 3):>9}"
            f"{_shown(row.published, 3):>11}"
        )
        print(f"{row.data:<14}{row.model:<18}{cells}{row.cpu_seconds:>8.0f}")
    write(task, chosen, used, [asdict(row) for row in rows])
    return rows


def _shown(figure: float | None, digits: int) -> str:
    return "" if figure is None else f"{figure:.{digits}f}"
