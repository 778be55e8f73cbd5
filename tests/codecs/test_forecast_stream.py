"""A stream's window is, to the bit, the newest window of the rows so far, however they came."""

from typing import Any

import numpy as np
import pytest

from recurra.codecs.forecast import ForecastCodec, History
from recurra.codecs.forecast_fit import fit_forecast_codec
from recurra.codecs.forecast_table import SeriesCases
from recurra.errors import ObservationError
from recurra.spec.settings import Settings

ROWS = 40
TIMES = 1_704_067_200.0 + 3600.0 * np.arange(ROWS + 4)
VALUES = np.random.default_rng(0).normal(5, 2, (ROWS + 4, 3))
VALUES[[0, 7, 8, 30], 0] = np.nan
VALUES[5, 1] = np.nan


def codec(**settings: Any) -> ForecastCodec:
    cases = SeriesCases(
        "series",
        (VALUES,),
        ("y", "w", "k"),
        ("0",),
        "f",
        times=(TIMES,),
        target_names=("y", "w"),
        known_names=("k",),
        dated=True,
    )
    chosen = {"task": "forecast", "horizon": 4, "lookback": 12, "segment": 3, "season": 6}
    return fit_forecast_codec(cases, Settings.from_flat(chosen | settings))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"normalise": "window", "channels": "joint", "calendar": ("hour", "weekday")},
        {"normalise": "none", "scaling": "robust"},
    ],
)
def test_the_window_of_a_stream_is_that_of_all_rows_so_far(settings: dict[str, Any]) -> None:
    own = codec(**settings)
    slots = own.start()
    for row in range(ROWS):
        known = VALUES[row + 4, 2]
        time = TIMES[row] if row == 0 else None
        window, slots = own.step([*VALUES[row, :2], known], time, slots)
        history = VALUES[: row + 5].copy()
        history[row + 1 :, :2] = np.nan
        if np.isnan(history[row, :2]).all():
            continue
        whole = own.newest([History(history, TIMES[: row + 5])]).collate([0])
        batch = window.collate([0])
        assert batch.steps["x"].tobytes() == whole.steps["x"].tobytes()
        for name in ("shift", "scale", "time"):
            assert batch.rows[name].tobytes() == whole.rows[name].tobytes()


def test_what_is_remembered_does_not_grow() -> None:
    own = codec()
    slots = own.start()
    sizes = set()
    for row in range(20):
        _, slots = own.step(VALUES[row], TIMES[row], slots)
        sizes.add(sum(slot.nbytes for slot in slots.values()))
    assert len(sizes) == 1


def test_a_carried_state_needs_no_window() -> None:
    own = codec(segment=1, normalise="none")
    assert own.carried
    assert "window" not in own.start()
    window, _ = own.step(VALUES[1], TIMES[1], own.start())
    assert window.collate([0]).steps["x"].shape == (2, 1, 2)


def test_names_and_numbers_say_the_same() -> None:
    own = codec()
    by_name, _ = own.step({"k": 3.0, "y": 1.0}, None, own.start())
    by_place, _ = own.step([1.0, float("nan"), 3.0], None, own.start())
    assert by_name.digest() == by_place.digest()


@pytest.mark.parametrize(
    ("observation", "words"),
    [
        ([1.0, 2.0], "expected 3 numbers"),
        ("text", "expected 3 numbers"),
        ({"y": 1.0, "w": 2.0}, "got none for 'k'"),
        ({"y": 1.0, "k": 2.0, "z": 3.0}, "got 'z'"),
        ([np.inf, 1.0, 1.0], "feature 'y' expected a finite number"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused(observation: Any, words: str) -> None:
    own = codec()
    with pytest.raises(ObservationError, match=words):
        own.step(observation, None, own.start())


def test_a_row_off_the_beat_is_refused() -> None:
    own = codec()
    _, slots = own.step(VALUES[1], TIMES[1], own.start())
    for time in (TIMES[1], TIMES[1] + 1800, TIMES[3]):
        with pytest.raises(ObservationError, match=r"expected a row every 1 hour, got .*as NaN"):
            own.step(VALUES[2], float(time), slots)


def test_a_calendar_needs_the_time_of_the_first_row() -> None:
    own = codec(calendar=("hour",))
    with pytest.raises(ObservationError, match="the time of a stream's first row"):
        own.step(VALUES[1], None, own.start())
