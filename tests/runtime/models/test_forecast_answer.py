"""A forecast is cut to its first rows, and written with as many times as it has rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recurra.codecs.calendar import Frequency
from recurra.codecs.forecast import ForecastCodec
from recurra.codecs.scaling import Scaling
from recurra.errors import SettingsError
from recurra.runtime.models.forecast_answer import (
    Forecast,
    checked_horizon,
    object_of_forecast,
    table_of_forecasts,
)

CODEC = ForecastCodec(
    targets=("a", "b"),
    past=(),
    known=(),
    calendar=(),
    roles=None,
    lookback=8,
    horizon=4,
    segment=1,
    channels="joint",
    recursive=False,
    carried=False,
    normalise="none",
    scaling=Scaling.fit("none", ("",), [np.arange(20.0).reshape(10, 2)], ("a", "b")),
    frequency=Frequency(86400.0),
    dated=True,
    season=1,
    naive_error=((1.0, 1.0), (1.0, 1.0)),
)
WHOLE = Forecast(np.arange(16.0).reshape(4, 2, 2), time=0.0)


def test_the_first_rows_are_the_same_rows() -> None:
    part = WHOLE.first(3)
    np.testing.assert_array_equal(part.values, WHOLE.values[:3])
    assert part.time == WHOLE.time
    assert object_of_forecast(part, CODEC, (0.5,)) == {
        "time": ["1970-01-02T00:00:00", "1970-01-03T00:00:00", "1970-01-04T00:00:00"],
        "forecast": {"a": [0.0, 4.0, 8.0], "b": [2.0, 6.0, 10.0]},
        "0.5": {"a": [1.0, 5.0, 9.0], "b": [3.0, 7.0, 11.0]},
    }


def test_times_have_a_zone_where_training_had() -> None:
    found = object_of_forecast(WHOLE.first(1), replace(CODEC, zoned=True), ())
    assert found["time"] == ["1970-01-02T00:00:00+00:00"]


def test_a_table_has_a_row_for_each_row_that_an_answer_has() -> None:
    table = table_of_forecasts(["x", "y"], [WHOLE.first(2), WHOLE.first(1)], CODEC, (0.5,))
    assert table.rows() == [
        ("x", 1, "1970-01-02T00:00:00", 0.0, 1.0, 2.0, 3.0),
        ("x", 2, "1970-01-03T00:00:00", 4.0, 5.0, 6.0, 7.0),
        ("y", 1, "1970-01-02T00:00:00", 0.0, 1.0, 2.0, 3.0),
    ]
    untimed = table_of_forecasts(["x"], [replace(WHOLE, time=None)], CODEC, ())
    assert untimed.columns == ["id", "step", "a", "b"]


@pytest.mark.parametrize("horizon", [1, 4, np.int64(3)])
def test_what_the_model_gives_can_be_asked_for(horizon: Any) -> None:
    assert checked_horizon(horizon, CODEC) == horizon


@pytest.mark.parametrize("horizon", [0, 5, -1, 2.0, True, "2", None])
def test_anything_else_is_refused(horizon: Any) -> None:
    with pytest.raises(SettingsError, match="horizon expected 1 to 4 rows, for which"):
        checked_horizon(horizon, CODEC)
