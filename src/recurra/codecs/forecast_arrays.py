"""Arrays in Python -> the series to forecast; every column is a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs.cases import Timed, unnamed_features
from recurra.codecs.forecast_table import SeriesCases
from recurra.codecs.timeline import check_times
from recurra.errors import DataError, ShapeError

__all__ = ["series_from_arrays"]

Array = npt.NDArray[Any]


def series_from_arrays(X: Any, features: Sequence[str] | None = None) -> SeriesCases:
    """Series that are already in memory.

    Args:
        X: One series, [T] or [T, A]; or a list of them. NaN: not observed. `Timed(x, times)` gives
            a series its times: numpy's datetime64, which are dates, or numbers.
        features: Names of the A columns; None: x0, x1, ...

    Raises:
        ShapeError: other axes, or columns that differ between series.
        DataError: no series, an infinite value, times that do not rise.
    """
    given = X if isinstance(X, list | tuple) and not isinstance(X, Timed) else [X]
    if len(given) and not hasattr(given[0], "__len__"):
        # A plain list of numbers is one series.
        given = [given]
    if not len(given):
        raise DataError("expected at least one series, got none")
    values, clocks = zip(*(_series(x, f"X[{k}]") for k, x in enumerate(given)), strict=True)
    width = values[0].shape[1]
    names = unnamed_features(width) if features is None else tuple(features)
    for k, x in enumerate(values):
        if x.shape[1] != len(names):
            raise ShapeError(f"X[{k}] expected [T, A={len(names)}], got {list(x.shape)}")
    timed = [clock is not None for clock in clocks]
    if any(timed) and not all(timed):
        raise DataError(f"X[{timed.index(False)}]: expected times as the other series have them")
    times, dated = None, False
    if all(timed):
        times = tuple(clock[0] for clock in clocks if clock is not None)
        dated = all(clock[1] for clock in clocks if clock is not None)
    ids = tuple(str(k) for k in range(len(values)))
    return SeriesCases(
        "series", values, names, ids, "X", times=times, target_names=names, dated=dated
    )


def _series(x: Any, where: str) -> tuple[Array, tuple[Array, bool] | None]:
    """Rows [T, A], and their times with whether they are dates."""
    raw, clock = (x.values, x.times) if isinstance(x, Timed) else (x, None)
    try:
        values = np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{where}: expected numbers, got {type(raw).__name__}") from None
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or not values.size:
        raise ShapeError(f"{where}: expected a series [T] or [T, A], got {list(values.shape)}")
    if np.isinf(values).any():
        row, k = (int(i) for i in np.argwhere(np.isinf(values))[0])
        raise DataError(
            f"{where}: expected finite numbers or NaN, got {values[row, k]} at row {row}"
        )
    if clock is None:
        return values, None
    times = np.asarray(clock)
    dated = times.dtype.kind == "M"
    if dated:
        times = times.astype("datetime64[us]").astype(np.int64) / 1e6
    times = np.asarray(times, np.float64)
    if times.shape != (len(values),):
        raise ShapeError(f"{where}: expected times [T={len(values)}], got {list(times.shape)}")
    check_times(times)
    return values, (times, dated)
