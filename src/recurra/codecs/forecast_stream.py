"""A stream of rows to forecast from: what it remembers, and one row more.

Where the network's state is carried on, the stream remembers the newest row alone; else it keeps
the window that a forecast reads, and every forecast reads it anew: constant in time and memory.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recurra.codecs.calendar import calendar_features, moment
from recurra.codecs.windows import Track, Windows
from recurra.errors import ObservationError

if TYPE_CHECKING:
    from recurra.codecs.forecast import ForecastCodec

__all__ = ["start", "step"]

Array = npt.NDArray[Any]


def start(codec: ForecastCodec, series: str = "") -> dict[str, Array]:
    """The slots of a new stream: whose scaling, rows seen, the newest time and row, the window."""
    width = codec.cut.width
    slots = {
        "series": np.full(1, codec.scaling.row_of(series), np.int64),
        "rows": np.zeros(1, np.int64),
        "time": np.full(1, np.nan),
        "newest": np.zeros(len(codec.features)),
    }
    slots |= codec.missing.start(len(codec.targets) + len(codec.past))
    if not codec.carried:
        slots["window"] = np.zeros((codec.lookback, width))
    return slots


def step(
    codec: ForecastCodec, observation: Any, time: float | None, slots: Mapping[str, Array]
) -> tuple[Windows, dict[str, Array]]:
    """One row of a stream, by the arithmetic of `newest` to the bit.

    Args:
        observation: A number for each feature in their order, or a mapping from feature to
            number; NaN or None: not observed. Known covariates are those of `lead` rows later.
        time: Its time; None: the row after the one before.
        slots: What `start` or the previous step gave.

    Returns:
        The window to forecast from (where the state is carried on: the new row alone); the new
        slots.

    Raises:
        ObservationError: the row or its time cannot be used; nothing has changed.
    """
    row = _observed(codec, observation)
    clock = _clock(codec, time, slots)
    shift, scale = codec.scaling.at(int(slots["series"][0]))
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = (row - shift) / scale
    if np.isinf(scaled).any():
        k = int(np.flatnonzero(np.isinf(scaled))[0])
        raise ObservationError(
            f"feature {codec.features[k]!r} expected a finite number, got {row[k]}: the "
            "observation was refused, the state kept"
        )
    newest = np.where(np.isnan(scaled), slots["newest"], scaled)
    own = len(codec.targets) + len(codec.past)
    series = int(slots["series"][0])
    filled, marks, remembered = codec.missing.step(
        scaled[:own], newest[:own], series, len(codec.targets), slots
    )
    features = np.zeros(0)
    if codec.calendar:
        features = calendar_features(codec.later(np.array([clock])), codec.calendar)[0]
    values = np.concatenate([filled, newest[own:], features, marks])
    rows = int(slots["rows"][0]) + 1
    after = {
        "series": slots["series"],
        "rows": np.array([rows]),
        "time": np.array([clock]),
        "newest": newest,
        **remembered,
    }
    window = values[None]
    if not codec.carried:
        window = np.concatenate([slots["window"][1:], values[None]])
        after["window"] = window
        window = window[-min(rows, codec.lookback) :]
    last = len(window) - 1
    if codec.recursive and codec.calendar:
        # Forecasts that are read again stand beside the calendar of their own rows.
        window = np.concatenate([window, _calendar_ahead(codec, clock, newest)])
    count = len(codec.targets)
    # Only the last row's time is asked for.
    times = None if np.isnan(clock) else np.full(len(window), clock)
    track = Track("", window, window[:, :count], shift[:count], scale[:count], times)
    return Windows([track], np.array([[0, last]]), codec.cut), after


def _calendar_ahead(codec: ForecastCodec, clock: float, newest: Array) -> Array:
    """The rows of the horizon, of which the calendar alone is known."""
    assert codec.frequency is not None  # a calendar needs a clock
    times = codec.frequency.after(clock, codec.horizon)
    features = calendar_features(codec.later(times), codec.calendar)
    return np.concatenate([np.tile(newest, (codec.horizon, 1)), features], axis=1)


def _observed(codec: ForecastCodec, observation: Any) -> Array:
    if isinstance(observation, Mapping):
        unknown = [name for name in observation if name not in codec.features]
        absent = [name for name in codec.known if observation.get(name) is None]
        if unknown or absent:
            what = f"got {unknown[0]!r}" if unknown else f"got none for {absent[0]!r}"
            raise ObservationError(f"expected the features {', '.join(codec.features[:6])}, {what}")
        observation = [observation.get(name) for name in codec.features]
    try:
        row = np.array(observation, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        row = np.zeros(0)
    row = row.reshape(1) if row.ndim == 0 else row
    if row.shape != (len(codec.features),):
        raise ObservationError(
            f"expected {len(codec.features)} numbers ({', '.join(codec.features[:6])}), "
            f"got {observation!r:.80}"
        )
    return row


def _clock(codec: ForecastCodec, time: float | None, slots: Mapping[str, Array]) -> float:
    before = float(slots["time"][0])
    if time is None:
        if codec.frequency is None:
            return before
        if np.isnan(before):
            if codec.calendar:
                raise ObservationError(
                    "expected the time of a stream's first row, from which the calendar is "
                    "taken, got none: give time"
                )
            return before
        return float(codec.frequency.after(before, 1)[0])
    if isinstance(time, bool) or not abs(time) <= sys.float_info.max:
        raise ObservationError(f"expected a finite number as time, got {time!r}")
    if codec.frequency is not None and not np.isnan(before):
        positions, wrong = codec.frequency.positions(np.array([before, time], np.float64))
        if wrong is not None or positions[1] != 1:
            raise ObservationError(
                f"expected a row every {codec.frequency.told(dated=codec.dated)}, got "
                f"{_shown(time, codec)} after {_shown(before, codec)}: feed "
                "absent rows as NaN, or start the stream again"
            )
    return float(time)


def _shown(time: float, codec: ForecastCodec) -> str:
    return f"{time:.15g} ({moment(time)})" if codec.dated else f"{time:.15g}"
