"""Law: the measured coverage is a count, and tracking misses its share of any truths at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.decode import Calibrator
from recurra.errors import ObservationError, SpecError, StateError


def run(calibrator: Calibrator, scores: Any) -> tuple[dict[str, Any], list[float]]:
    """One answer and one truth after the other; the limits after each."""
    slots, limits = calibrator.start(), []
    for step, score in enumerate(scores):
        slots = calibrator.answered(slots, step, np.array([score]))
        found = calibrator.waiting(slots)
        held = np.array([score <= found.limits[0]])
        slots = calibrator.learnt(slots, np.array([score]), held)
        slots = calibrator.given_up(slots, found.place)
        limits.append(float(slots["limits"][0]))
    return slots, limits


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.5, 0.95), st.floats(0.01, 0.5))
def test_tracking_misses_its_share_of_whatever_comes(
    seed: int, coverage: float, rate: float
) -> None:
    """coverage - held / T <= (1 + rate) / (rate T): Angelopoulos et al. 2023, proposition 1."""
    random = np.random.default_rng(seed)
    # A regime a third, the middle one as bad as scores can be.
    scores = np.concatenate([random.random(200), np.ones(100), 0.1 * random.random(200)])
    calibrator = Calibrator(
        limits=(0.5,), width=1, adapt="tracking", coverage=coverage, rate=rate, bounded=True
    )
    slots, limits = run(calibrator, scores)
    measured = calibrator.measured(slots)
    assert measured.truths == 500
    assert measured.coverage == measured.held / 500
    bound = (1 + rate) / (rate * 500) + 1e-9
    assert coverage - measured.coverage <= bound
    assert 0 <= min(limits) <= max(limits) <= 1 + rate
    if min(limits) > 0:
        assert measured.coverage - coverage <= bound


def test_without_adaptation_limits_stay_and_truths_are_counted() -> None:
    calibrator = Calibrator(limits=(0.5,), width=1)
    slots, limits = run(calibrator, [0.4, 0.6, 0.5, 0.9])
    assert limits == [0.5] * 4
    assert calibrator.measured(slots) == (4, 2, 0.5)
    assert np.isnan(calibrator.measured(calibrator.start()).coverage)


def test_without_a_bound_the_unit_is_the_largest_score_of_late() -> None:
    calibrator = Calibrator(limits=(1.0,), width=1, adapt="tracking", coverage=0.9, rate=0.1)
    _, limits = run(calibrator, [50.0])
    assert limits == [pytest.approx(1.0 + 0.1 * 50.0 * 0.9)]
    # A thousand times the errors: it reaches them within a few dozen truths, not thousands.
    _, limits = run(calibrator, np.full(60, 1000.0))
    assert limits[-1] > 900
    _, limits = run(calibrator, np.r_[np.full(60, 1000.0), np.full(1000, 1.0)])
    assert limits[-1] < 10


def test_truths_find_their_answers_by_step() -> None:
    calibrator = Calibrator(limits=(0.5,), width=2, pending=3)
    slots: Any = calibrator.start()
    with pytest.raises(ObservationError, match="feed an observation first"):
        calibrator.waiting(slots)
    for step in range(5):
        slots = calibrator.answered(slots, step, np.array([step, 10 * step]))
    assert calibrator.waiting(slots).answer.tolist() == [4, 40]
    found = calibrator.waiting(slots, 2)
    assert (found.step, found.answer.tolist(), found.limits.tolist()) == (2, [2, 20], [0.5])
    slots = calibrator.given_up(slots, found.place)
    for step in (2, 1, 9):
        with pytest.raises(ObservationError, match=f"no answer of step {step} waits"):
            calibrator.waiting(slots, step)
    for wrong in (-1, 1.0, True, "2"):
        with pytest.raises(ObservationError, match="a whole number"):
            calibrator.waiting(slots, wrong)  # type: ignore[arg-type]  # that is what is tested
    fresh = calibrator.forgotten(slots)
    with pytest.raises(ObservationError, match="a restart gives up"):
        calibrator.waiting(fresh)


def test_several_limits_learn_apart_and_only_from_what_is_known() -> None:
    calibrator = Calibrator(limits=(1.0, 1.0), width=1, adapt="tracking", coverage=0.5)
    slots = calibrator.learnt(
        calibrator.start(),
        np.array([2.0, np.nan]),
        np.array([False, False]),
        np.array([True, False]),
    )
    assert calibrator.measured(slots, 0) == (1, 0, 0.0)
    assert calibrator.measured(slots, 1).truths == 0
    assert slots["limits"][0] > 1.0 == slots["limits"][1]
    assert np.isfinite(slots["units"]).all()


def test_what_cannot_be_is_refused() -> None:
    for choices, problem in [
        ({"pending": 0}, "pending expected"),
        ({"adapt": "guess"}, "adapt must be"),
        ({"adapt": "tracking"}, "does not know: train it again with coverage"),
        ({"rate": 0.0}, "rate expected"),
    ]:
        with pytest.raises(SpecError, match=problem):
            Calibrator(limits=(1.0,), width=1, **choices)  # type: ignore[arg-type]  # tested
    calibrator = Calibrator(limits=(1.0,), width=1)
    slots = calibrator.start()
    calibrator.check(slots)
    for name, value in [
        ("held", np.array([1])),
        ("limits", np.array([np.nan])),
        ("steps", np.array([-2])),
    ]:
        with pytest.raises(StateError, match="that cannot be"):
            calibrator.check({**slots, name: value})
    with pytest.raises(StateError, match="adapt='tracking'"):
        calibrator.check({**slots, "limits": np.array([2.0])})
