"""What a forecasting model answers: the rows that come, their times, objects and tables of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recurra.codecs.forecast import ForecastCodec
from recurra.errors import SettingsError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Forecast", "checked_horizon", "object_of_forecast", "table_of_forecasts"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Forecast:
    """What comes after a row.

    Args:
        values: Points and quantiles in the targets' units, [H, A, 1 + Q] float64.
        time: Of the row after which it comes; None: unknown.
    """

    values: Array
    time: float | None = None

    @property
    def points(self) -> Array:
        """The points, [H, A]."""
        return self.values[:, :, 0]

    def first(self, rows: int) -> Forecast:
        """Its first rows."""
        return replace(self, values=self.values[:rows])


def checked_horizon(horizon: Any, codec: ForecastCodec) -> int:
    """The rows ahead that are asked for (SettingsError: none, or more than the model gives)."""
    whole = isinstance(horizon, int | np.integer) and not isinstance(horizon, bool)
    if not whole or not 1 <= horizon <= codec.horizon:
        raise SettingsError(
            f"horizon expected 1 to {codec.horizon} rows, for which the model was trained, got "
            f"{horizon!r}: ask for no more than {codec.horizon}, or train with a longer horizon"
        )
    return int(horizon)


def object_of_forecast(
    answer: Forecast, codec: ForecastCodec, levels: Sequence[float]
) -> dict[str, Any]:
    """Times, the points of each target, and its quantiles by their levels."""
    found: dict[str, Any] = {}
    times = _times(answer, codec)
    if times is not None:
        found["time"] = times
    found["forecast"] = _by_target(codec.targets, answer.points)
    for k, level in enumerate(levels, start=1):
        found[f"{level:g}"] = _by_target(codec.targets, answer.values[:, :, k])
    return found


def table_of_forecasts(
    ids: Sequence[str], answers: Sequence[Forecast], codec: ForecastCodec, levels: Sequence[float]
) -> pl.DataFrame:
    """One row for each series and row ahead: id, step, time, the targets, their quantiles."""
    import polars as pl

    columns: dict[str, Any] = {
        "id": [name for name, a in zip(ids, answers, strict=True) for _ in a.values],
        "step": [step for a in answers for step in range(1, len(a.values) + 1)],
    }
    times = [_times(answer, codec) for answer in answers]
    if all(found is not None for found in times):
        columns["time"] = [t for found in times for t in found or ()]
    for a, target in enumerate(codec.targets):
        columns[target] = np.concatenate([answer.points[:, a] for answer in answers])
        for k, level in enumerate(levels, start=1):
            columns[f"{target}_{level:g}"] = np.concatenate(
                [answer.values[:, a, k] for answer in answers]
            )
    return pl.DataFrame(columns)


def _times(answer: Forecast, codec: ForecastCodec) -> list[Any] | None:
    """The times of the rows of a forecast; ISO dates in UTC, with a zone as in training."""
    if answer.time is None or codec.frequency is None:
        return None
    times = codec.frequency.after(answer.time, len(answer.values))
    if not codec.dated:
        return [float(t) for t in times]
    moments = np.round(times).astype(np.int64).astype("datetime64[s]")
    return [f"{moment}+00:00" if codec.zoned else str(moment) for moment in moments]


def _by_target(targets: Sequence[str], values: Array) -> dict[str, list[float]]:
    return {name: values[:, a].tolist() for a, name in enumerate(targets)}
