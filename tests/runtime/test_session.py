"""A session's state is a value: kept, forked, moved and restored, and no refusal changes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recurra.errors import ObservationError, StateError
from recurra.runtime import AbstractModel, Parts, Session, model_of
from recurra.spec.state import SessionState

Arguments = Callable[..., dict[str, Any]]
NAMES = ("task", "graphs", "weights", "codec", "decoder")


@pytest.fixture(params=["series", "text", "numbers"])
def model(request: pytest.FixtureRequest, arguments_of: Arguments) -> AbstractModel:
    arguments = arguments_of(request.param)
    return model_of(Parts(**{name: arguments[name] for name in NAMES}))


@pytest.fixture
def series(arguments_of: Arguments) -> AbstractModel:
    arguments = arguments_of("series")
    return model_of(Parts(**{name: arguments[name] for name in NAMES}))


@pytest.fixture
def stream(model: AbstractModel) -> Any:
    if not model.features:
        return "abédcazb"
    return np.random.default_rng(2).normal(0, 1, (8, 3))


def feed_all(session: Session, observations: Any) -> list[bytes]:
    return [session.feed(each).tobytes() for each in observations]


def test_a_restored_session_goes_on_as_the_first(model: AbstractModel, stream: Any) -> None:
    session = model.session()
    feed_all(session, stream[:3])
    kept = session.state().to_bytes()
    ahead = feed_all(session, stream[3:])
    other = model.session()
    other.feed(stream[0])
    other.restore(SessionState.from_bytes(kept))
    assert feed_all(other, stream[3:]) == ahead
    assert other.state().same_as(session.state())


def test_a_fork_goes_its_own_way(model: AbstractModel, stream: Any) -> None:
    session = model.session()
    feed_all(session, stream[:3])
    before = session.state()
    fork = session.fork()
    assert fork.state().same_as(before)
    ahead = feed_all(fork, stream[3:])
    assert session.state().same_as(before)
    assert feed_all(session, stream[3:]) == ahead


def test_a_restart_forgets_everything(model: AbstractModel, stream: Any) -> None:
    session = model.session()
    fresh = session.state()
    first = feed_all(session, stream)
    assert not session.state().same_as(fresh)
    session.restart()
    assert session.state().same_as(fresh)
    assert feed_all(session, stream) == first


def test_sessions_do_not_know_of_each_other(model: AbstractModel, stream: Any) -> None:
    alone = feed_all(model.session(), stream)
    left, right = model.session(), model.session()
    mixed = []
    for k, each in enumerate(stream):
        mixed.append(left.feed(each).tobytes())
        right.feed(stream[-k - 1])
    assert mixed == alone


def test_a_state_that_was_handed_out_is_the_callers_own(model: AbstractModel, stream: Any) -> None:
    session = model.session()
    feed_all(session, stream[:3])
    kept = session.state()
    given = session.state()
    for slot in given.nodes.values():
        slot += 7
    assert session.state().same_as(kept)
    session.restore(kept)
    for slot in kept.nodes.values():
        slot += 7
    assert not session.state().same_as(kept)


BAD: list[tuple[Any, Any]] = [
    ([0.0, np.nan, 0.0], None),
    ([0.0, np.inf, 0.0], None),
    ([0.0, 1e300, 0.0], None),
    ([0.0, 0.0], None),
    ([0.0] * 4, None),
    ([[0.0] * 3], None),
    ([], None),
    (3.0, None),
    (None, None),
    ("abc", None),
    (["a", "b", "c"], None),
    ([None, 0.0, 0.0], None),
    ([1j, 0.0, 0.0], None),
    ([2**2000, 0, 0], None),
    ([[0.0], 0.0, 0.0], None),
    ({"a": 0.0, "c": 0.0}, None),
    ({"a": 0.0, "b|<": 0.0, "c": 0.0, "d": 0.0}, None),
    ([0.0] * 3, 3.9),
    ([0.0] * 3, float("nan")),
    ([0.0] * 3, float("inf")),
    ([0.0] * 3, "4"),
    ([0.0] * 3, True),
    ([0.0] * 3, [5.0]),
]


@pytest.mark.parametrize(("observation", "time"), BAD, ids=lambda value: repr(value)[:30])
def test_a_refused_observation_leaves_every_byte(
    series: AbstractModel, observation: Any, time: Any
) -> None:
    session = series.session()
    session.feed([0.1, 0.2, 0.3], time=4.0)
    before = session.state().to_bytes()
    with pytest.raises(ObservationError):
        session.feed(observation, time)
    assert session.state().to_bytes() == before
    fresh = series.session()
    fresh.feed([0.1, 0.2, 0.3], time=4.0)
    good = [0.4, 0.5, 0.6]
    assert np.array_equal(session.feed(good, 4.0), fresh.feed(good, 4.0))


@pytest.mark.parametrize("symbol", ["", "ab", 3, None, b"a", float("nan")])
def test_a_refused_symbol_leaves_every_byte(arguments_of: Arguments, symbol: Any) -> None:
    arguments = arguments_of("text")
    session = model_of(Parts(**{name: arguments[name] for name in NAMES})).session()
    session.feed("a")
    before = session.state().to_bytes()
    with pytest.raises(ObservationError):
        session.feed(symbol)
    assert session.state().to_bytes() == before


def test_an_answer_that_is_not_finite_is_refused(arguments_of: Arguments) -> None:
    arguments = arguments_of("numbers")
    arguments["weights"]["head.weight"][:] = np.finfo(np.float32).max
    session = model_of(Parts(**{name: arguments[name] for name in NAMES})).session()
    before = session.state().to_bytes()
    with pytest.raises(ObservationError, match="no finite number"):
        session.feed([1e3, 1e3, 1e3])
    assert session.state().to_bytes() == before


def test_mappings_and_lists_are_the_same_observation(series: AbstractModel) -> None:
    left, right = series.session(), series.session()
    answer = left.feed({"c": 3.0, "a": 1, "b|<": np.float32(2.0)})
    assert np.array_equal(answer, right.feed([1.0, 2.0, 3.0]))


def test_the_clock_is_kept_and_may_stand_still(series: AbstractModel) -> None:
    session = series.session()
    assert session.state().clock is None
    session.feed([0.0] * 3, time=np.float64(5.0))
    session.feed([0.0] * 3, time=5)
    session.feed([0.0] * 3)
    assert session.state().clock == 5.0
    assert session.state().steps == 3
    with pytest.raises(ObservationError, match=r"backwards: expected at least 5\.0, got 4"):
        session.feed([0.0] * 3, time=4)


def first_slot(state: SessionState) -> str:
    return next(iter(state.nodes))


CHANGES: dict[str, tuple[Callable[[SessionState], SessionState], str]] = {
    "another model": (lambda s: replace(s, fingerprint="0" * 64), "another model"),
    "newer": (lambda s: replace(s, version=2), "version 1, got 2"),
    "steps": (lambda s: replace(s, steps=-1), "whole number, got -1"),
    "clock": (lambda s: replace(s, clock=float("nan")), "finite number or None"),
    "slot missing": (
        lambda s: replace(s, nodes={n: a for n, a in s.nodes.items() if n != first_slot(s)}),
        "missing or unknown: s_gru.h",
    ),
    "slot unknown": (lambda s: replace(s, nodes=dict(s.nodes) | {"m": np.ones(1)}), "unknown: m"),
    "slot shape": (
        lambda s: replace(s, nodes=dict(s.nodes) | {first_slot(s): np.ones((1, 9), np.float32)}),
        r"expected \[1, 4\] in float32, got \(1, 9\)",
    ),
    "slot dtype": (
        lambda s: replace(s, nodes=dict(s.nodes) | {first_slot(s): np.ones((1, 4))}),
        "got .* float64",
    ),
    "codec slot": (lambda s: replace(s, codec={"m": np.ones(1)}), "codec slots"),
    "calibrator": (lambda s: replace(s, calibrator={"m": np.ones(1)}), "calibrator slots"),
}


@pytest.mark.parametrize("case", CHANGES.values(), ids=CHANGES.keys())
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(
    series: AbstractModel, case: tuple[Callable[[SessionState], SessionState], str]
) -> None:
    change, reason = case
    session = series.session()
    session.feed([0.1, 0.2, 0.3])
    before = session.state()
    with pytest.raises(StateError, match=reason):
        session.restore(change(before))
    assert session.state().same_as(before)


def test_a_state_of_other_weights_is_refused(
    series: AbstractModel, arguments_of: Arguments
) -> None:
    arguments = arguments_of("series", seed=1)
    other = model_of(Parts(**{name: arguments[name] for name in NAMES}))
    with pytest.raises(StateError, match="another model"):
        other.session().restore(series.session().state())
