"""A session takes only times that run forward and states of its own model."""

import math
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from recurra.errors import ObservationError, StateError
from recurra.runtime.record import check_record, checked_time, has_zone
from recurra.spec.state import SessionState

STATE = SessionState("f" * 64, 3, 2.0, {})


@pytest.mark.parametrize("time", [0, 1.5, np.float32(2), np.int64(7)])
def test_a_time_becomes_a_float(time: Any) -> None:
    assert checked_time(time, 0.0) == float(time)


@pytest.mark.parametrize(
    "time",
    [
        "2024-01-01T02:00:00",
        "2024-01-01T03:00:00+01:00",
        datetime(2024, 1, 1, 2),
        datetime(2024, 1, 1, 3, tzinfo=timezone(timedelta(hours=1))),
        np.datetime64("2024-01-01T02:00:00"),
        np.datetime64("2024-01-01T02:00:00", "ns"),
    ],
)
def test_a_date_counts_as_its_seconds_as_in_files(time: Any) -> None:
    assert checked_time(time, None) == 1704074400.0
    with pytest.raises(ObservationError, match="time runs backwards"):
        checked_time(time, 1704074401.0)


def test_a_span_counts_as_its_seconds() -> None:
    assert checked_time("07:30", 0.0) == 27000.0


@pytest.mark.parametrize(
    "time",
    [True, "1", "soon", None, math.nan, math.inf, 10**400, np.datetime64("NaT")],
)
def test_what_is_no_finite_number_is_refused(time: Any) -> None:
    with pytest.raises(ObservationError, match="expected a finite number as time"):
        checked_time(time, None)


def test_time_does_not_run_backwards() -> None:
    assert checked_time(2.0, 2.0) == 2.0
    with pytest.raises(ObservationError, match=r"time runs backwards: expected at least 2\.0"):
        checked_time(1.9, 2.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 99}, "a state of version"),
        ({"fingerprint": "0" * 64}, "belongs to another model"),
        ({"steps": -1}, "steps as a whole number"),
        ({"steps": True}, "steps as a whole number"),
        ({"clock": math.nan}, "clock as a finite number or None"),
        ({"clock": "now"}, "clock as a finite number or None"),
    ],
)
def test_a_state_that_is_not_this_models_is_refused(change: dict[str, Any], words: str) -> None:
    check_record(STATE, STATE.fingerprint)
    with pytest.raises(StateError, match=words):
        check_record(replace(STATE, **change), STATE.fingerprint)


@pytest.mark.parametrize(
    ("time", "has"),
    [
        ("2024-01-01T02:00:00", False),
        ("2024-01-01T02:00:00Z", True),
        (datetime(2024, 1, 1), False),
        (datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=1))), True),
        (np.datetime64("2024-01-01"), None),
        (3.0, None),
        ("soon", None),
    ],
)
def test_a_date_names_its_zone_or_does_not(time: Any, has: bool | None) -> None:
    assert has_zone(time) is has
