"""A stream with holes gives the bits of the whole sequence; its state is a value as any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import runtime
from recurra.codecs import Timed, cases_from_arrays, fit_codec
from recurra.decode import ClassDecoder
from recurra.errors import DataError, ObservationError, SpecError, StateError
from recurra.runtime import AbstractModel, Parts, model_of, write_bundle
from recurra.spec.settings import DataSettings, ModelSettings
from recurra.spec.state import SessionState
from recurra.tasks import Classify

STRATEGIES = ["mean", "last", "mask", "decay"]


def series(seed: int) -> Timed:
    rng = np.random.default_rng(seed)
    x = rng.normal(seed % 2, 1, (9, 3))
    x[rng.random(x.shape) < 0.5] = np.nan
    return Timed(x, np.cumsum(rng.exponential(60.0, 9)))


def make(missing: str, *, timed: bool = True, layers: int = 1) -> AbstractModel:
    raw: list[Any] = [series(k) if timed else series(k).values for k in range(8)]
    settings = DataSettings(missing=missing)
    codec = fit_codec(cases_from_arrays(raw, [0, 1] * 4), settings, "classify")
    graphs = Classify().graphs(ModelSettings(hidden=5, layers=layers), codec)
    rng = np.random.default_rng(0)
    weights = {
        path: rng.normal(0, 0.6, shape).astype(np.float32)
        for path, shape in graphs["main"].parameters().items()
    }
    return model_of(Parts("classify", graphs, weights, codec, ClassDecoder(classes=2)))


def feed_all(session: Any, case: Timed, begin: int = 0) -> list[bytes]:
    return [
        session.feed(x, time).tobytes()
        for x, time in zip(case.values[begin:], case.times[begin:], strict=True)
    ]


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("missing", STRATEGIES)
def test_every_answer_is_that_of_the_whole_so_far(missing: str, timed: bool) -> None:
    model, case = make(missing, timed=timed, layers=2), series(99)
    fed = feed_all(model.session(), case)
    for t, answer in enumerate(fed):
        part = Timed(case.values[: t + 1], case.times[: t + 1])
        whole = model(part if timed else part.values)
        assert answer == whole.tobytes()


@pytest.mark.parametrize("missing", STRATEGIES)
def test_its_state_is_kept_moved_and_forked(missing: str) -> None:
    model, case = make(missing), series(5)
    session = model.session()
    for x, time in zip(case.values[:4], case.times[:4], strict=True):
        session.feed(x, time)
    kept = session.state().to_bytes()
    fork = session.fork()
    ahead = feed_all(session, case, 4)
    assert feed_all(fork, case, 4) == ahead
    other = model.session()
    other.restore(SessionState.from_bytes(kept))
    assert feed_all(other, case, 4) == ahead
    session.restart()
    fresh = feed_all(session, case)
    assert fresh == feed_all(model.session(), case)


def test_a_partial_observation_comes_in_any_form() -> None:
    model = make("decay")
    forms: list[Any] = [
        [0.5, np.nan, np.nan],
        [0.5, None, None],
        {"x0": 0.5},
        {"x0": 0.5, "x1": None, "x2": float("nan")},
    ]
    answers = [model.session().feed(form, 3.0).tobytes() for form in forms]
    assert len(set(answers)) == 1
    # Nothing at all was observed: time alone has passed, and that tells something.
    session = model.session()
    session.feed([1.0, 2.0, 3.0], 0.0)
    soon, late = session.fork(), session.fork()
    assert soon.feed({}, 1.0).tobytes() != late.feed({}, 1e4).tobytes()


@pytest.mark.parametrize(
    ("observation", "time", "words"),
    [
        ([0.0, 0.0, 0.0], None, "expected the time of the observation"),
        ([0.0, 0.0, 0.0], 1.0, "runs backwards"),
        ([0.0, np.inf, 0.0], 9.0, "'x1' expected a finite number"),
        ({"x9": 0.0}, 9.0, "has the unknown 'x9'"),
        ([None, None], 9.0, "expected 3 numbers"),
        (None, 9.0, "expected 3 numbers"),
    ],
)
def test_a_refused_observation_changes_nothing(observation: Any, time: Any, words: str) -> None:
    session = make("decay").session()
    session.feed([1.0, None, None], 5.0)
    before = session.state()
    with pytest.raises(ObservationError, match=words):
        session.feed(observation, time)
    assert session.state().same_as(before)


def test_a_state_of_another_strategy_is_refused() -> None:
    state = make("last").session().state()
    with pytest.raises(StateError, match="another model"):
        make("mask").session().restore(state)


def test_a_line_has_no_session_and_says_why() -> None:
    model = make("linear")
    assert np.isfinite(model(series(3))).all()
    with pytest.raises(SpecError, match="no sessions: missing='linear' draws a line"):
        model.session()


def test_a_bundle_keeps_the_strategy_and_its_golden_times(tmp_path: Path) -> None:
    model, cases = make("decay"), [series(k) for k in range(3)]
    parts = model.parts
    write_bundle(
        tmp_path / "b",
        task=parts.task,
        graphs=parts.graphs,
        weights=parts.weights,
        codec=parts.codec,
        decoder=parts.decoder,
        golden=cases,
        certificate={"isa": "x", "dtype": "float32", "claims": {}},
    )
    loaded = runtime.load(tmp_path / "b")
    assert loaded(cases[0]).tobytes() == model(cases[0]).tobytes()
    assert loaded(cases).tobytes() == model(cases).tobytes()
    with pytest.raises(DataError, match="expected the times of the steps"):
        loaded(cases[0].values)
