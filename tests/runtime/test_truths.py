"""Law: what truths taught a stream is part of its state, and a refused truth teaches nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recurra.errors import ObservationError, SpecError, StateError
from recurra.runtime import AbstractModel, Parts, model_of
from recurra.spec.state import SessionState

Arguments = Callable[..., dict[str, Any]]
NAMES = ("task", "graphs", "weights", "codec", "decoder")
OBSERVATIONS = np.random.default_rng(2).normal(0, 1, (12, 3))


def built(arguments_of: Arguments, form: str, **changes: Any) -> AbstractModel:
    arguments = arguments_of(form)
    arguments["decoder"] = replace(arguments["decoder"], **changes)
    return model_of(Parts(**{name: arguments[name] for name in NAMES}))


@pytest.fixture(params=["series", "numbers"])
def model(request: pytest.FixtureRequest, arguments_of: Arguments) -> AbstractModel:
    limit = {"series": "doubt", "numbers": "margin"}[request.param]
    return built(arguments_of, request.param, coverage=0.8, **{limit: 0.5})


def truths(model: AbstractModel) -> list[Any]:
    """Labels in turn; numbers up to 0.8 spreads from the answer."""
    if model.labels:
        return [model.labels[k % len(model.labels)] for k in range(len(OBSERVATIONS))]
    session, scale = model.session(), model.codec.target.scale
    return [float(session.feed(x)) + (k % 3 * 0.4) * scale for k, x in enumerate(OBSERVATIONS)]


@pytest.mark.parametrize("adapt", ["none", "tracking"])
def test_the_measured_coverage_is_the_share_of_sets_as_they_were_said(
    model: AbstractModel, adapt: Any
) -> None:
    session = model.session(adapt=adapt)
    held = 0
    for x, y in zip(OBSERVATIONS, truths(model), strict=True):
        said = model.object_in(session, session.feed(x))
        held += y in said["set"] if "set" in said else said["low"] <= y <= said["high"]
        assert session.observe(y).held == held
    assert session.measured == (12, held, held / 12)
    assert 0 < held < 12
    assert (session.limit == 0.5) == (adapt == "none")


def test_truths_outlive_restarts_states_and_forks(model: AbstractModel) -> None:
    session = model.session(adapt="tracking", pending=3)
    answers = truths(model)
    for x, y in zip(OBSERVATIONS[:5], answers, strict=False):
        session.feed(x)
        session.observe(y)
    session.feed(OBSERVATIONS[5])
    kept = SessionState.from_bytes(session.state().to_bytes())
    fork, other = session.fork(), model.session(adapt="tracking", pending=3)
    other.restore(kept)
    for each in (session, fork, other):
        each.observe(answers[5], step=5)
        for x, y in zip(OBSERVATIONS[6:], answers[6:], strict=True):
            each.feed(x)
            each.observe(y)
    assert session.state().same_as(fork.state())
    assert session.state().same_as(other.state())
    assert len(session.state().to_bytes()) == len(kept.to_bytes())
    session.feed(OBSERVATIONS[0])
    session.restart()
    assert session.measured == fork.measured
    assert session.limit == fork.limit
    with pytest.raises(ObservationError, match="a restart gives up those that wait"):
        session.observe(answers[0])


def test_a_refused_truth_teaches_nothing(model: AbstractModel) -> None:
    session = model.session()
    session.feed(OBSERVATIONS[0])
    before = session.state()
    wrong = ["none of them", [], None] if model.labels else ["3", True, None, np.inf]
    for y in wrong:
        with pytest.raises(ObservationError, match="expected"):
            session.observe(y)
    with pytest.raises(ObservationError, match="no answer of step 1"):
        session.observe(truths(model)[0], step=1)
    assert session.state().same_as(before)
    session.observe(truths(model)[0])
    with pytest.raises(ObservationError, match="each answer has one truth"):
        session.observe(truths(model)[0])


def test_states_of_other_sessions_are_refused(model: AbstractModel) -> None:
    session = model.session(pending=2)
    session.feed(OBSERVATIONS[0])
    with pytest.raises(StateError, match="calibrator slot"):
        model.session().restore(session.state())
    tracking = model.session(adapt="tracking")
    for x, y in zip(OBSERVATIONS, truths(model), strict=True):
        tracking.feed(x)
        tracking.observe(y)
    with pytest.raises(StateError, match="make this one with adapt"):
        model.session().restore(tracking.state())


def test_models_without_sets_say_so(arguments_of: Arguments) -> None:
    plain = built(arguments_of, "series")
    session = plain.session()
    session.feed(OBSERVATIONS[0])
    assert session.limit is None
    with pytest.raises(SpecError, match="trained with coverage"):
        session.observe(plain.labels[0])
    with pytest.raises(SpecError, match="trained with coverage"):
        plain.session(adapt="none")
    unknown = built(arguments_of, "series", doubt=0.5)
    with pytest.raises(SpecError, match="does not know: train it again"):
        unknown.session(adapt="tracking")
