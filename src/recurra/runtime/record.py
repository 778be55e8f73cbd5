"""What every session checks: the time of an observation, and a state that is handed to it."""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime
from typing import Any

import numpy as np

from recurra.codecs.dates import seconds_of, zoned
from recurra.errors import ObservationError, StateError
from recurra.spec.state import STATE_VERSION, SessionState

__all__ = ["Moment", "check_record", "checked_time", "has_zone"]

# When an observation was made: a number, or what files may say as well.
Moment = float | str | datetime | np.datetime64


def checked_time(time: Any, clock: float | None) -> float:
    """The time of an observation.

    Args:
        time: As it was given: a number, or a date or span, which counts as its seconds, as in
            files.
        clock: Of the newest observation, None: there was none with a time.

    Raises:
        ObservationError: no finite number and no date, or before the clock.
    """
    moment = _number_of(time)
    if moment is None or not math.isfinite(moment):
        raise ObservationError(
            f"expected a finite number as time, or a date such as 2024-05-01T13:00:00, got {time!r}"
        )
    if clock is not None and moment < clock:
        raise ObservationError(
            f"time runs backwards: expected at least {clock!r}, got {time!r}; "
            "the observation was refused, the state kept"
        )
    return moment


def has_zone(time: Any) -> bool | None:
    """Whether a date names its time zone; None: it is none, or numpy's, which cannot."""
    if isinstance(time, datetime):
        return time.tzinfo is not None
    if isinstance(time, str) and seconds_of(time) is not None:
        return zoned(time)
    return None


def _number_of(time: Any) -> float | None:
    if isinstance(time, str):
        return seconds_of(time)
    if isinstance(time, np.datetime64):
        # NaT becomes None.
        time = time.astype("datetime64[us]").item()
    if isinstance(time, datetime):
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    if isinstance(time, bool) or not isinstance(time, int | float | np.integer | np.floating):
        return None
    try:
        return float(time)
    except OverflowError:
        return math.inf


def check_record(state: SessionState, fingerprint: str) -> None:
    """Refuse a state that a session of this model cannot go on from.

    Raises:
        StateError: it belongs to another model or version, or its steps or clock are no numbers.
    """
    if state.version != STATE_VERSION:
        raise StateError(
            f"expected a state of version {STATE_VERSION}, got {state.version!r}: "
            "update recurra, or start the stream again"
        )
    if state.fingerprint != fingerprint:
        raise StateError(
            "the state belongs to another model: "
            f"expected fingerprint {fingerprint[:12]}..., got {state.fingerprint[:12]}..."
        )
    if not isinstance(state.steps, int) or isinstance(state.steps, bool) or state.steps < 0:
        raise StateError(f"expected a state's steps as a whole number, got {state.steps!r}")
    clock = state.clock
    if clock is not None and not (
        isinstance(clock, int | float) and abs(clock) <= sys.float_info.max
    ):
        raise StateError(f"expected a state's clock as a finite number or None, got {clock!r}")
