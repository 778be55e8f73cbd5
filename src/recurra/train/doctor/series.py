"""What a forecast learns from: where the series are like themselves, and who tells their future."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs.windows import Windows

__all__ = ["lag_of", "series_of"]

Array = npt.NDArray[Any]
# Series, and rows of each, that are looked at.
_MOST_TRACKS, _MOST_ROWS = 4, 4096
# Columns beside the targets that are asked whether they are a target's future.
_MOST_COLUMNS = 32


def series_of(windows: Windows) -> dict[str, Any]:
    """How the targets move, their lag, and the column that gives their future away.

    Returns:
        `moving`, the share of rows that differ from the one before; `deviation` of the scaled
        targets; `lag` and `similarity` where a series has a period; `leak` with `explained`,
        `column` and `ahead` where there are other columns.
    """
    targets = windows.cut.targets
    tracks = [track.values[-_MOST_ROWS:] for track in windows.tracks[:_MOST_TRACKS]]
    moves = [np.diff(values[:, :targets], axis=0) != 0 for values in tracks if len(values) > 1]
    found: dict[str, Any] = {
        "moving": float(np.concatenate([m.ravel() for m in moves]).mean()) if moves else 0.0,
        "lookback": windows.cut.lookback,
        "deviation": float(np.mean([values[:, :targets].std() for values in tracks])),
    }
    lags = [lag_of(values[:, k]) for values in tracks for k in range(min(targets, 4))]
    known = [entry for entry in lags if entry is not None]
    if known and len(known) * 2 >= len(lags):
        lag, similarity = sorted(known)[len(known) // 2]
        found |= {"lag": lag, "similarity": similarity}
    leak = _leak(tracks, targets, windows.cut.horizon)
    return found | ({"leak": leak} if leak else {})


def lag_of(series: Array) -> tuple[int, float] | None:
    """The period of a series: the lag of the highest peak of its autocorrelation.

    Its line is taken off; a peak counts only after the autocorrelation has once been below zero,
    so that a slow series has none.

    Returns:
        Lag in rows and the autocorrelation there; None: no peak.
    """
    rows = len(series)
    if rows < 16 or np.ptp(series) == 0:
        return None
    clock = np.arange(rows)
    away = series - np.polyval(np.polyfit(clock, series, 1), clock)
    power = np.fft.rfft(away, 2 * rows)
    whole = np.fft.irfft(power * power.conj())[: rows // 3]
    if whole[0] <= 0:
        return None
    # Of fewer terms the sum is smaller: each lag by its own number of them.
    shares = whole / whole[0] * rows / (rows - np.arange(len(whole)))
    below = np.flatnonzero(shares < 0)
    if not len(below) or below[0] + 1 >= len(shares) - 1:
        return None
    rest = shares[below[0] :]
    # The first peak of (nearly) the height of the highest: its multiples are as high.
    inner = np.flatnonzero((rest[1:-1] >= rest[:-2]) & (rest[1:-1] >= rest[2:])) + 1
    if not len(inner) or rest[inner].max() <= 0:
        return None
    best = inner[rest[inner] >= 0.9 * rest[inner].max()][0]
    return int(below[0] + best), float(rest[best])


def _leak(tracks: list[Array], targets: int, horizon: int) -> dict[str, Any]:
    """Which other column at one row is a target so many rows later, and how much of it."""
    best: dict[str, Any] = {}
    width = min(tracks[0].shape[1], targets + _MOST_COLUMNS)
    for values in tracks:
        for column in range(targets, width):
            for ahead in {1, horizon, *range(1, min(horizon, 24) + 1)}:
                if len(values) < ahead + 20:
                    continue
                for target in range(min(targets, 4)):
                    later = values[ahead:, target]
                    explained = _squared(values[:-ahead, column], later)
                    own = _squared(values[:-ahead, target], later)
                    if not best or explained > best["explained"]:
                        best = {
                            "explained": explained,
                            "own": own,
                            "column": column - targets,
                            "ahead": ahead,
                        }
    return best


def _squared(x: Array, y: Array) -> float:
    """Their squared correlation."""
    x, y = x - x.mean(), y - y.mean()
    size = float(np.square(x).sum() * np.square(y).sum())
    return float((x * y).sum()) ** 2 / size if size > 0 else 0.0
