"""The clock of a series: how far apart its rows are, which rows are absent, what a calendar says.

Times are numbers, or seconds since 1970-01-01 UTC. Steps are even, or whole calendar months.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import DataError

__all__ = [
    "CALENDAR",
    "Frequency",
    "calendar_features",
    "find_frequency",
    "moment",
    "regular",
]

Array = npt.NDArray[Any]
_HOUR, _DAY, _WEEK = 3600.0, 86400.0, 604800.0
# What a calendar feature counts, and after how many of them it begins anew.
CALENDAR = {
    "minute": 60.0,
    "hour": 24.0,
    "weekday": 7.0,
    "monthday": 31.0,
    "yearday": 366.0,
    "month": 12.0,
}
# Clocks drift: a row may stand this share of a step beside its place.
_DRIFT = 0.01
# More absent rows than this for each row that is there are a wrong clock, not holes.
_MOST_ABSENT = 50


@dataclass(frozen=True)
class Frequency:
    """How far apart rows are.

    Args:
        step: Distance in the unit of the times; 0 where rows stand whole months apart.
        months: Months from row to row; 0 where the distance is even.
    """

    step: float
    months: int = 0

    def __str__(self) -> str:
        if self.months:
            return "month" if self.months == 1 else f"{self.months} months"
        return f"{self.step:g}"

    def told(self, *, dated: bool) -> str:
        """How far apart, with the unit that the times have.

        Args:
            dated: Times are seconds.
        """
        return _span(self.step) if dated and not self.months else str(self)

    def positions(self, times: Array) -> tuple[Array, int | None]:
        """The number of each row, [T] int64, the first being 0; and the first row off the beat.

        Args:
            times: [T] float64, rising.
        """
        if self.months:
            months, rest = _months(times)
            exact = (months - months[0]) / self.months
            on_beat = (exact == np.round(exact)) & (rest == rest[0])
        else:
            exact = (times - times[0]) / self.step
            on_beat = np.abs(exact - np.round(exact)) <= _DRIFT
        wrong = np.flatnonzero(~on_beat)
        return np.round(exact).astype(np.int64), int(wrong[0]) if len(wrong) else None

    def after(self, time: float, steps: int) -> Array:
        """The times of the next rows, [steps] float64."""
        count = np.arange(1, steps + 1)
        if not self.months:
            return time + self.step * count
        months, rest = _months(np.array([time]))
        begins = (months[0] + self.months * count).astype("datetime64[M]")
        seconds: Array = begins.astype("datetime64[s]").astype(np.float64) + rest[0]
        return seconds

    def season(self, *, dated: bool) -> int:
        """Rows after which things tend to come again: a day, a week or a year; 1: unknown.

        Args:
            dated: Times are seconds.
        """
        if self.months:
            return 12 // self.months if 12 % self.months == 0 else 1
        if not dated:
            return 1
        for shortest, cycle in ((_WEEK, 52 * _WEEK), (_DAY, _WEEK), (0.0, _DAY)):
            if self.step >= shortest:
                rows = cycle / self.step
                return int(rows) if rows >= 2 and rows == int(rows) else 1
        return 1


def moment(seconds: float) -> str:
    """Seconds since 1970-01-01 UTC as an ISO date; a number that is none as it is."""
    try:
        found = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{seconds:.15g}"
    return found.replace(tzinfo=None).isoformat(sep=" ")


def _span(seconds: float) -> str:
    """1 day, 90 minutes, 0.5 seconds: in the largest unit that leaves no rest."""
    units = ((_DAY, "day"), (_HOUR, "hour"), (60.0, "minute"))
    fitting = [u for u in units if seconds >= u[0] and seconds % u[0] == 0]
    length, unit = fitting[0] if fitting else (1.0, "second")
    count = seconds / length
    return f"{count:g} {unit}{'' if count == 1 else 's'}"


def find_frequency(times: Sequence[Array]) -> Frequency | None:
    """The frequency of series by the distances that are most frequent; None: one row each.

    Args:
        times: Of each series [T_k], rising.
    """
    gaps = np.concatenate([np.diff(own) for own in times])
    if not len(gaps):
        return None
    months = _month_gaps(times)
    if months is not None:
        return Frequency(0.0, _most_frequent(months))
    # Distances that differ by a clock's drift are the same one.
    smallest = gaps.min()
    near = gaps[gaps <= smallest * (1 + 2 * _DRIFT)]
    if 2 * len(near) >= len(gaps):
        return Frequency(float(np.median(near)))
    return Frequency(float(_most_frequent(gaps)))


def regular(
    values: Array, times: Array, frequency: Frequency, where: str, *, dated: bool = False
) -> tuple[Array, Array, int]:
    """The rows with those that are absent put in as NaN, their times, and how many were absent.

    Args:
        values: [T, F].
        times: [T], rising.
        frequency: Of all series.
        where: What they are, for the message.
        dated: Times are seconds since 1970-01-01 UTC.

    Raises:
        DataError: a row stands beside the beat: the frequency changes.
    """
    positions, wrong = frequency.positions(times)
    if wrong is None and len(np.unique(positions)) < len(positions):
        wrong = int(np.flatnonzero(np.diff(positions) == 0)[0]) + 1
    every = frequency.told(dated=dated)
    if wrong is not None:
        gap = float(times[wrong] - times[wrong - 1])
        came = f"{_span(gap)} after the row before, at {moment(times[wrong])}"
        raise DataError(
            f"{where}, row {wrong + 1}: expected a row every {every}, got one "
            f"{came if dated else f'{gap:g} after the row before'}: the frequency changes; "
            "resample the series to one frequency, or leave the time column out to count rows"
        )
    rows = int(positions[-1]) + 1
    absent = rows - len(times)
    if absent > _MOST_ABSENT * len(times):
        raise DataError(
            f"{where}: expected a row every {every}, got {len(times)} rows over a span of "
            f"{rows}: name the time column that is meant, or leave it out to count rows"
        )
    if not absent:
        return values, times, 0
    full = np.full((rows, values.shape[1]), np.nan)
    full[positions] = values
    clock = np.concatenate([times[:1], frequency.after(float(times[0]), rows - 1)])
    return full, clock, absent


def calendar_features(times: Array, names: Sequence[str]) -> Array:
    """Where in its cycles each time stands, [T, 2 * len(names)]: sine and cosine for each name.

        sin(2 pi v / n), cos(2 pi v / n)        v: the hour, the day of the week, ..., of n

    Args:
        times: [T], seconds since 1970-01-01 UTC; cycles are those of UTC.
        names: Of `CALENDAR`.
    """
    moments = np.asarray(times, np.float64)
    days = np.floor(moments / _DAY)
    seconds = moments - days * _DAY
    dates = days.astype(np.int64).astype("datetime64[D]")
    months, years = dates.astype("datetime64[M]"), dates.astype("datetime64[Y]")
    counts = {
        "minute": (seconds % _HOUR) / 60.0,
        "hour": seconds / _HOUR,
        # 1970-01-01 was a Thursday, the day number 3 of a week that begins on Monday.
        "weekday": (days + 3) % 7 + seconds / _DAY,
        "monthday": (dates - months).astype(np.float64) + seconds / _DAY,
        "yearday": (dates - years).astype(np.float64) + seconds / _DAY,
        "month": (months - years).astype(np.float64),
    }
    columns = []
    for name in names:
        angles = 2 * math.pi / CALENDAR[name] * counts[name]
        # One by one: numpy's own sine may round a number by where in the array it stands.
        columns += [[math.sin(a) for a in angles], [math.cos(a) for a in angles]]
    return np.array(columns, np.float64).reshape(2 * len(names), len(moments)).T


def _months(times: Array) -> tuple[Array, Array]:
    """Months since January 1970, and the seconds since each month's begin."""
    seconds = np.asarray(times, np.float64)
    months = np.floor(seconds).astype(np.int64).astype("datetime64[s]").astype("datetime64[M]")
    begins = months.astype("datetime64[s]").astype(np.float64)
    return months.astype(np.int64), seconds - begins


def _month_gaps(times: Sequence[Array]) -> Array | None:
    """Distances in months where every row stands at the same place of its month, not evenly."""
    gaps = np.concatenate([np.diff(own) for own in times])
    if gaps.min() < 28 * _DAY or gaps.min() == gaps.max() or abs(times[0]).max() > 1e11:
        return None
    months, rests = zip(*(_months(own) for own in times), strict=True)
    if len(np.unique(np.concatenate(rests))) > 1:
        return None
    return np.concatenate([np.diff(own) for own in months])


def _most_frequent(values: Array) -> Any:
    found, counts = np.unique(values, return_counts=True)
    return found[np.argmax(counts)].item()
