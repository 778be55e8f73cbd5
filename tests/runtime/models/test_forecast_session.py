"""A stream's forecast is the model's from all rows so far, to the bit, at constant cost."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recurra.codecs.forecast import History
from recurra.codecs.forecast_fit import fit_forecast_codec
from recurra.errors import ObservationError, SpecError, StateError
from recurra.runtime.models.forecast import ForecastModel
from recurra.spec.settings import Settings
from recurra.spec.state import SessionState
from runtime.models.test_forecast import FORMS, TIMES, VALUES, cases, model

ROWS = 30


@pytest.mark.parametrize("form", FORMS)
def test_a_stream_gives_the_forecasts_of_whole_histories(form: dict[str, Any]) -> None:
    own = model(**form)
    session = own.session()
    values = VALUES[:ROWS, :2].copy()
    values[[4, 20], 0] = np.nan
    for row in range(ROWS):
        answer = session.feed(values[row], TIMES[row] if row == 0 else None)
        whole = own(History(values[: row + 1], TIMES[: row + 1]))
        assert answer.values.tobytes() == whole.values.tobytes()
        assert answer.time == whole.time


def test_a_line_to_what_comes_is_refused_in_streams() -> None:
    own = model(missing="linear")
    with pytest.raises(SpecError, match="a stream has not seen when the row comes"):
        own.session()
    holes = VALUES[:30, :2].copy()
    holes[10:13] = np.nan
    filled = holes.copy()
    steps = np.arange(1, 4)[:, None] / 4
    filled[10:13] = holes[9] + steps * (holes[13] - holes[9])
    np.testing.assert_allclose(own(holes).values, own(filled).values, rtol=1e-5)


def test_known_covariates_come_with_the_row_they_are_ahead_of() -> None:
    own = model(known=True)
    session = own.session()
    for row in range(ROWS):
        answer = session.feed([*VALUES[row, :2], VALUES[row + 4, 2]])
        history = VALUES[: row + 5].copy()
        history[row + 1 :, :2] = np.nan
        assert answer.values.tobytes() == own(History(history)).values.tobytes()
    with pytest.raises(SpecError, match="read known covariates of the whole horizon"):
        model(known=True, decoding="recursive").session()


@pytest.mark.parametrize("form", [FORMS[0], FORMS[-1]])
def test_a_state_is_a_value(form: dict[str, Any]) -> None:
    own = model(**form)
    first = own.session()
    for row in VALUES[:9, :2]:
        first.feed(row)
    kept = SessionState.from_bytes(first.state().to_bytes())
    second, fork = own.session(), first.fork()
    second.restore(kept)
    for row in VALUES[9:20, :2]:
        expected = first.feed(row).values.tobytes()
        assert second.feed(row).values.tobytes() == expected
        assert fork.feed(row).values.tobytes() == expected
    assert len(first.state().to_bytes()) == len(kept.to_bytes())
    first.restart()
    assert first.feed(VALUES[0, :2]).values.tobytes() == own(VALUES[:1, :2]).values.tobytes()


@pytest.mark.parametrize("form", [FORMS[0], FORMS[-1]])
@pytest.mark.parametrize(
    ("row", "time"),
    [([np.inf, 1.0], None), ([1.0], None), ("x", None), ([1.0, 1.0], TIMES[3]), ([1, 1], np.nan)],
)
def test_a_refused_row_changes_nothing(form: dict[str, Any], row: Any, time: Any) -> None:
    session = model(**form).session()
    for k in range(3):
        session.feed(VALUES[k, :2], TIMES[k])
    before = session.state()
    if time == TIMES[3]:
        session.feed(VALUES[3, :2], TIMES[3])
        before = session.state()
    with pytest.raises(ObservationError):
        session.feed(row, time)
    assert session.state().same_as(before)


def test_a_date_is_taken_where_training_had_dates_and_refused_elsewhere() -> None:
    own, row = model(), VALUES[0, :2]
    assert own.codec.dated
    assert own.session().feed(row, "2024-01-01T01:00:00+01:00").time == TIMES[0]
    numbers = own.session()
    numbers._codec = replace(own.codec, dated=False)
    with pytest.raises(ObservationError, match="finite number as time, as in training"):
        numbers.feed(row, "2024-01-01T00:00:00")
    assert numbers.feed(row, TIMES[0]).time == TIMES[0]


@pytest.mark.parametrize("zoned", [True, False])
def test_a_date_names_its_zone_as_in_training(zoned: bool) -> None:
    own, row = model(), VALUES[0, :2]
    session = own.session()
    session._codec = replace(own.codec, zoned=zoned)
    dates = ["2024-01-01T00:00:00", "2024-01-01T01:00:00+01:00"]
    before = session.state()
    word = "with" if zoned else "without"
    with pytest.raises(ObservationError, match=f"a date {word} a time zone, as in training"):
        session.feed(row, dates[not zoned])
    assert session.state().same_as(before)
    assert session.feed(row, dates[zoned]).time == TIMES[0]
    # Numpy's dates have no zones, and count as UTC.
    assert session.feed(row, np.datetime64("2024-01-01T01:00:00")).time == TIMES[1]


def test_a_stream_takes_the_scaling_of_its_series() -> None:
    settings = Settings.from_flat(
        {"task": "forecast", "horizon": 4, "lookback": 12, "segment": 3, "season": 6}
    )
    both = cases(slice(0, 40), slice(40, 90))
    moved = replace(both, inputs=(both.inputs[0], both.inputs[1] * 100))
    parts = replace(model().parts, codec=fit_forecast_codec(moved, settings))
    own = ForecastModel(parts)
    for series in ("s0", "s1", "other"):
        session = own.session(series)
        for row in VALUES[:20, :2]:
            answer = session.feed(row)
        whole = own(History(VALUES[:20, :2], series=series))
        assert answer.values.tobytes() == whole.values.tobytes()
        other = own.session()
        other.restore(session.state())
        assert (
            other.feed(VALUES[20, :2]).values.tobytes()
            == session.feed(VALUES[20, :2]).values.tobytes()
        )


def test_states_of_others_are_refused() -> None:
    own = model()
    state = own.session().state()
    with pytest.raises(StateError, match="another model"):
        model(seed=1).session().restore(state)
    forged = {**state.codec, "rows": np.array([-1])}
    session = own.session()
    with pytest.raises(StateError, match="rows seen and the series"):
        session.restore(SessionState(state.fingerprint, 0, None, {}, forged))
    with pytest.raises(StateError, match="codec"):
        session.restore(SessionState(state.fingerprint, 0, None, {}, {}))
    with pytest.raises(StateError, match="node"):
        session.restore(SessionState(state.fingerprint, 0, None, {"h": np.zeros(1)}, state.codec))
