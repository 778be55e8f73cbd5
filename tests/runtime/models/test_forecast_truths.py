"""Law: a row's truth judges every forecast that was made of it, in the row ahead where it stood."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recurra.errors import ObservationError, SpecError, StateError
from recurra.runtime.models.forecast import ForecastModel
from recurra.spec.state import SessionState
from runtime.models.test_forecast import VALUES, model

ROWS = VALUES[:24, :2]


def with_margins(**form: Any) -> ForecastModel:
    own = model(**form)
    margins = tuple(float(m) for m in np.linspace(0.3, 2.0, 8))
    decoder = replace(own.decoder, levels=(0.1, 0.9), margins=margins)
    return ForecastModel(replace(own.parts, decoder=decoder))


FORMS: list[dict[str, Any]] = [
    {},
    {"segment": 1, "normalise": "none"},
    {"decoding": "recursive", "segment": 2},
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("adapt", ["none", "tracking"])
def test_the_measured_coverage_is_counted_row_ahead_by_row_ahead(
    form: dict[str, Any], adapt: Any
) -> None:
    session = with_margins(**form).session(adapt=adapt, pending=3)
    said: list[Any] = []
    inside = np.zeros(3, int)
    for step, row in enumerate(ROWS):
        if step:
            measured = session.observe(row, step if step % 2 else None)
            for ahead, answer in enumerate(said[-1:-4:-1]):
                low, high = answer.values[ahead, :, 1], answer.values[ahead, :, 2]
                inside[ahead] += ((low <= row) & (row <= high)).sum()
            assert measured.held == inside.sum()
        said.append(session.feed(row))
    assert [session.measured_ahead(k).held for k in (1, 2, 3)] == inside.tolist()
    assert [session.measured_ahead(k).truths for k in (1, 2, 3)] == [46, 44, 42]
    first, last = (
        answer.values[:, :, 2] - answer.values[:, :, 1] for answer in said[:: len(said) - 1]
    )
    # What is not measured keeps its margins, in the scale of its window.
    assert (first[3] > 0).all()
    assert (last[3] > 0).all()


def test_tracking_widens_what_misses() -> None:
    own = with_margins(normalise="none")
    still, moving = own.session(), own.session(adapt="tracking")
    for row in ROWS:
        before = still.feed(row), moving.feed(row)
        for session in (still, moving):
            session.observe(before[0].points[0] + 1000.0)
    plain, wide = still.feed(ROWS[0]), moving.feed(ROWS[0])
    np.testing.assert_array_equal(plain.points, wide.points)
    assert (wide.values[0, :, 2] > plain.values[0, :, 2] + 100).all()
    np.testing.assert_array_equal(plain.values[1:], wide.values[1:])


@pytest.mark.parametrize("form", FORMS)
def test_what_truths_taught_is_part_of_the_state(form: dict[str, Any]) -> None:
    own = with_margins(**form)
    session = own.session(adapt="tracking", pending=2)
    for row in ROWS[:9]:
        session.feed(row)
        session.observe(row + 30.0)
    kept = SessionState.from_bytes(session.state().to_bytes())
    fork, other = session.fork(), own.session(adapt="tracking", pending=2)
    other.restore(kept)
    for each in (session, fork, other):
        for row in ROWS[9:]:
            each.feed(row)
            each.observe(row)
    assert session.state().same_as(fork.state())
    assert session.state().same_as(other.state())
    assert len(session.state().to_bytes()) == len(kept.to_bytes())
    before = session.measured
    session.restart()
    assert session.measured == before
    with pytest.raises(ObservationError, match="no forecast waits"):
        session.observe(ROWS[0])
    with pytest.raises(StateError, match="calibrator slot"):
        own.session().restore(kept)


def test_truths_that_are_none_are_refused() -> None:
    session = with_margins().session()
    session.feed(ROWS[0])
    before = session.state()
    for wrong in ([1.0], [1.0, np.inf], ["a", 1.0], {"c": 1.0}, None):
        with pytest.raises(ObservationError, match="expected"):
            session.observe(wrong)
    with pytest.raises(ObservationError, match="the row that comes next, 1, got step 0"):
        session.observe(ROWS[1], 0)
    assert session.state().same_as(before)
    # One target alone may be known.
    assert session.observe({"a": 50.0}).truths == 1
    with pytest.raises(ObservationError, match="it came already"):
        session.observe(ROWS[1])
    with pytest.raises(SpecError, match="row expected 1 to 1"):
        session.measured_ahead(2)


def test_what_cannot_be_measured_or_moved_says_why() -> None:
    with pytest.raises(SpecError, match="trained with coverage"):
        model().session(adapt="tracking")
    plain = model().session()
    plain.feed(ROWS[0])
    with pytest.raises(SpecError, match="trained with coverage"):
        plain.observe(ROWS[1])
    gaussian = model(distribution="gaussian")
    with pytest.raises(SpecError, match="says its own quantiles"):
        gaussian.session(adapt="tracking")
    with pytest.raises(SpecError, match="pending expected 1 to 4"):
        gaussian.session(pending=5)
    session = gaussian.session()
    session.feed(ROWS[0])
    assert session.observe(ROWS[1]).truths == 2
