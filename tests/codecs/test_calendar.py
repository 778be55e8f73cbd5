"""A clock is found from its rows; absent rows become holes, and what is off the beat is named."""

from datetime import UTC, datetime

import numpy as np
import pytest

from recurra.codecs.calendar import Frequency, calendar_features, find_frequency, moment, regular
from recurra.errors import DataError


def seconds(*dates: str) -> np.ndarray:
    return np.array([datetime.fromisoformat(d).replace(tzinfo=UTC).timestamp() for d in dates])


MONTHS = seconds(*(f"{1949 + k // 12}-{k % 12 + 1:02d}-01" for k in range(30)))
YEARS = seconds(*(f"{1950 + k}-01-01" for k in range(9)))
HOURS = seconds("2024-01-01") + 3600.0 * np.arange(60)


@pytest.mark.parametrize(
    ("times", "expected", "season"),
    [
        (HOURS, Frequency(3600.0), 24),
        (HOURS * 24, Frequency(86400.0), 7),
        (np.arange(9) * 604800.0, Frequency(604800.0), 52),
        (np.arange(9) * 900.0, Frequency(900.0), 96),
        (np.arange(9) * 7000.0, Frequency(7000.0), 1),
        (MONTHS, Frequency(0.0, 1), 12),
        (MONTHS[::3], Frequency(0.0, 3), 4),
        (YEARS, Frequency(0.0, 12), 1),
    ],
)
def test_the_frequency_and_its_season(times: np.ndarray, expected: Frequency, season: int) -> None:
    found = find_frequency([times])
    assert found == expected
    assert found is not None
    assert found.season(dated=True) == season
    np.testing.assert_allclose(found.after(times[0], len(times) - 1), times[1:])


def test_numbers_that_are_no_dates_have_no_season() -> None:
    found = find_frequency([np.arange(5.0)])
    assert found == Frequency(1.0)
    assert found is not None
    assert found.season(dated=False) == 1


def test_one_row_each_has_no_frequency() -> None:
    assert find_frequency([np.array([3.0]), np.array([9.0])]) is None


@pytest.mark.parametrize("times", [HOURS, MONTHS, YEARS])
def test_absent_rows_become_holes_at_their_times(times: np.ndarray) -> None:
    gone = [3, 4, 7]
    kept = np.setdiff1d(np.arange(len(times)), gone)
    values = np.arange(2.0 * len(times)).reshape(-1, 2)
    frequency = find_frequency([times[kept]])
    assert frequency is not None
    full, clock, absent = regular(values[kept], times[kept], frequency, "s")
    assert absent == 3
    np.testing.assert_allclose(clock, times)
    assert np.isnan(full[gone]).all()
    assert (full[kept] == values[kept]).all()


def test_a_clock_may_drift_a_little() -> None:
    times = HOURS + np.random.default_rng(0).uniform(-20, 20, len(HOURS))
    frequency = find_frequency([times])
    assert frequency is not None
    assert regular(np.zeros((60, 1)), times, Frequency(3600.0), "s")[2] == 0


@pytest.mark.parametrize(
    "times",
    [
        np.concatenate([HOURS, HOURS[-1] + 1800 * np.arange(1, 5)]),
        np.concatenate([MONTHS, MONTHS[-1] + 86400.0 * np.arange(1, 4)]),
        np.concatenate([HOURS, [HOURS[-1] + 0.4]]),
    ],
)
def test_a_frequency_that_changes_is_named(times: np.ndarray) -> None:
    frequency = find_frequency([times])
    assert frequency is not None
    with pytest.raises(DataError, match=r"s, row \d+: .*the frequency changes; resample"):
        regular(np.zeros((len(times), 1)), times, frequency, "s")


def test_a_span_without_end_is_no_hole() -> None:
    with pytest.raises(DataError, match="rows over a span of"):
        regular(np.zeros((3, 1)), np.array([0.0, 1.0, 1e6]), Frequency(1.0), "s")


def test_clocks_put_forward_leave_a_hole() -> None:
    """Local times without a zone lack an hour in spring: it is a hole like any other."""
    times = np.delete(HOURS, 26)
    assert regular(np.zeros((59, 1)), times, Frequency(3600.0), "s")[2] == 1


def test_calendar_features_turn_with_their_cycles() -> None:
    times = seconds("2024-05-06T06:00:00", "2024-05-13T18:00:00", "2023-12-31T00:30:00")
    features = calendar_features(times, ("hour", "weekday", "month", "minute"))
    assert features.shape == (3, 8)
    np.testing.assert_allclose(features[0, :2], [1, 0], atol=1e-12)  # a quarter of the day
    np.testing.assert_allclose(features[1, :2], [-1, 0], atol=1e-12)
    # Both are Mondays, twelve hours apart in the week.
    np.testing.assert_allclose(
        np.arctan2(features[1, 2], features[1, 3]) - np.arctan2(features[0, 2], features[0, 3]),
        np.pi / 7,
    )
    np.testing.assert_allclose(
        features[2, 4:6], [np.sin(2 * np.pi * 11 / 12), np.cos(2 * np.pi * 11 / 12)]
    )
    np.testing.assert_allclose(features[2, 6:], [0, -1], atol=1e-12)


def test_a_time_has_the_same_features_alone_and_among_others() -> None:
    times = HOURS + 1234.5
    whole = calendar_features(times, ("hour", "yearday"))
    for k in range(len(times)):
        assert (
            calendar_features(times[k : k + 1], ("hour", "yearday")).tobytes() == whole[k].tobytes()
        )


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (86400.0, "1 day"),
        (172800.0, "2 days"),
        (3600.0, "1 hour"),
        (900.0, "15 minutes"),
        (0.5, "0.5 seconds"),
    ],
)
def test_a_distance_is_told_with_its_unit(step: float, words: str) -> None:
    assert Frequency(step).told(dated=True) == words
    assert Frequency(step).told(dated=False) == f"{step:g}"
    assert Frequency(0.0, 3).told(dated=True) == "3 months"


def test_a_dated_fault_is_told_with_its_date() -> None:
    times = np.array([0.0, 86400.0, 172800.0, 172800.0 + 43200.0])
    with pytest.raises(
        DataError,
        match="every 1 day, got one 12 hours after the row before, at 1970-01-03 12:00:00",
    ):
        regular(np.zeros((4, 1)), times, Frequency(86400.0), "s", dated=True)
    assert moment(1e300) == "1e+300"
