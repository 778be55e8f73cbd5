"""Law: rows that are absent are holes, and rows at another distance are another frequency."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.codecs.calendar import Frequency
from recurra.codecs.forecast_beat import check_beat
from recurra.errors import DataError


def test_a_frequency_that_changes_is_refused_at_its_first_row() -> None:
    times = np.concatenate([np.arange(40.0), 41 + 2.0 * np.arange(20)])
    with pytest.raises(DataError, match=r"f, row 41: expected a row every .*, got one every 2 of"):
        check_beat(times, Frequency(1.0, 0), "f")
    with pytest.raises(DataError, match=r"f, row 2: .* got one every 3 of"):
        check_beat(
            np.concatenate([3.0 * np.arange(30), 88 + np.arange(90.0)]), Frequency(1.0, 0), "f"
        )


def test_holes_are_none() -> None:
    random = np.random.default_rng(0)
    every = np.arange(100_000.0)
    check_beat(every, Frequency(1.0, 0), "f")
    check_beat(every[random.random(len(every)) < 0.5], Frequency(1.0, 0), "f")
    # Working days, and a long time without any row.
    check_beat(every[every % 7 < 5], Frequency(1.0, 0), "f")
    check_beat(np.concatenate([every[:50], every[900:950]]), Frequency(1.0, 0), "f")
    # What stands beside the beat is refused elsewhere.
    check_beat(np.array([0.0, 1.5, 2.0]), Frequency(1.0, 0), "f")


def test_the_beat_of_dates_is_told_with_its_unit() -> None:
    times = 3600.0 * np.concatenate([np.arange(20), 20 + 2 * np.arange(20)])
    with pytest.raises(DataError, match="every 1 hour, got one every 2 of these"):
        check_beat(times, Frequency(3600.0), "f", dated=True)
