"""Law: a stream gives, `lag` steps late, the tags of the whole sequence wherever it is sure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recurra.codecs.read_tags import tag_cases_from_arrays
from recurra.codecs.tags import TagCodec
from recurra.decode import TagDecoder
from recurra.errors import ObservationError, SpecError, StateError
from recurra.runtime import Parts, model_of
from recurra.runtime.models.tag import TagModel
from recurra.runtime.tag_session import TagAt
from recurra.spec.settings import Settings
from recurra.spec.state import SessionState
from recurra.tasks import Tag

WORDS = [["ab", "c", "ab"], ["c", "d"]]
TAGS = [["B-X", "E-X", "O"], ["S-X", "O"]]


def model(lag: int = 2, X: Any = WORDS, y: Any = TAGS, **changes: Any) -> TagModel:
    """Random weights: what is tested is no question of learning."""
    chosen = Settings.from_flat({"task": "tag", "hidden": 5, "embedding": 4, **changes})
    cases = tag_cases_from_arrays(X, y, settings=chosen.data)
    task = Tag(crf=chosen.model.crf, lag=lag)
    codec = task.codec(cases, chosen)
    graphs = task.graphs(chosen.model, codec)
    generator = np.random.default_rng(3)
    weights = {
        name: generator.normal(size=shape).astype(np.float32)
        for name, shape in graphs["main"].parameters().items()
    }
    found = model_of(Parts("tag", graphs, weights, codec, task.decoder(codec)))
    assert isinstance(found, TagModel)
    return found


SENTENCE = ["c", "ab", "d", "?", "ab", "ab", "c", "d", "c"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pair_embedding": 3},
        {"crf": False},
        {"crf": False, "scheme": "none"},
        {"character_hidden": 0},
    ],
    ids=str,
)
@pytest.mark.parametrize("lag", [0, 2, 20])
def test_sure_tags_and_the_last_ones_are_those_of_the_whole(
    changes: dict[str, Any], lag: int
) -> None:
    tagger = model(lag, **changes)
    whole = tagger.predict(tuple(SENTENCE))
    session = tagger.session()
    answers = [session.feed(token) for token in SENTENCE]
    assert [a.step for a in answers] == [
        t - lag if t >= lag else None for t in range(len(SENTENCE))
    ]
    sure = [answer for answer in answers if answer.sure]
    assert all(answer.tag == whole[answer.step or 0] for answer in sure)
    if changes.get("scheme") == "none":
        assert len(sure) == max(0, len(SENTENCE) - lag)
    rest = session.finish()
    assert [a.step for a in rest] == list(range(len(SENTENCE)))[len(SENTENCE) - len(rest) :]
    assert [a.tag for a in rest] == whole[len(SENTENCE) - len(rest) :]
    assert session.finish() == rest == list(tagger.owed(session))


def test_a_longer_lag_is_surer() -> None:
    tagger = model()
    counts = []
    for lag in (0, 1, 4):
        session = tagger.session(lag)
        assert session.lag == lag
        counts.append(sum(session.feed(token).sure for token in SENTENCE) + len(session.finish()))
    assert counts[0] < counts[-1]


def test_series_stream_too() -> None:
    X, y = [np.array([[0.0], [1.0], [2.0]])], [["a", "b", "b"]]
    tagger = model(1, X, y)
    session = tagger.session()
    answers = [session.feed(row, float(t)) for t, row in enumerate(X[0])]
    assert answers[0] == TagAt(None, None, False)
    assert [a.tag for a in session.finish()] == tagger.predict(X[0])[2:]
    with pytest.raises(ObservationError, match="time runs backwards"):
        session.feed([0.0], 0.5)


def test_a_state_goes_on_elsewhere_and_a_refused_token_leaves_it() -> None:
    tagger = model(pair_embedding=3)
    session = tagger.session()
    for token in SENTENCE[:4]:
        session.feed(token)
    kept = SessionState.from_bytes(session.state().to_bytes())
    fork = session.fork()
    expected = [session.feed(token) for token in SENTENCE[4:]]
    assert [fork.feed(token) for token in SENTENCE[4:]] == expected
    other = tagger.session()
    with pytest.raises(ObservationError, match="expected a token"):
        other.feed("")
    other.restore(kept)
    before = other.state()
    with pytest.raises(ObservationError, match="expected a token as a text, got int"):
        other.feed(3)
    assert other.state().same_as(before)
    assert [other.feed(token) for token in SENTENCE[4:]] == expected
    other.restart()
    assert other.feed("c") == tagger.session().feed("c")


def test_states_that_do_not_fit_are_refused() -> None:
    tagger = model()
    session = tagger.session()
    state = session.state()
    with pytest.raises(StateError, match="decoder slot"):
        session.restore(tagger.session(3).state())
    with pytest.raises(StateError, match="another model"):
        session.restore(replace(state, fingerprint="0" * 64))
    for name, value in (("before", 99), ("seen", -1), ("scores", np.nan)):
        slots = dict(state.decoder)
        slots[name] = np.full_like(slots[name], value)
        with pytest.raises(StateError, match="do not exist"):
            session.restore(replace(state, decoder=slots))


def test_scores_that_overflow_are_refused() -> None:
    tagger = model(0, [np.array([[0.0], [1.0]])], [["a", "b"]], cell="rnn", activation="relu")
    weights = {name: np.full_like(w, 3e37) for name, w in tagger.parts.weights.items()}
    huge = TagModel(replace(tagger.parts, weights=weights))
    session = huge.session()
    with pytest.raises(ObservationError, match="no finite numbers"):
        session.feed([1.0])
    assert session.state().steps == 0


def test_a_bidirectional_tagger_says_why_it_has_no_sessions() -> None:
    with pytest.raises(SpecError, match="the backward direction begins at a sequence's last step"):
        model(bidirectional=True).session()
    decoder = model().decoder
    assert isinstance(decoder, TagDecoder)
    assert isinstance(model().codec, TagCodec)


def with_sets(lag: int = 2, **changes: Any) -> TagModel:
    plain = model(lag, **changes).parts
    decoder = replace(plain.decoder, doubt=0.6, coverage=0.8)  # type: ignore[type-var]  # decoders are dataclasses
    found = model_of(replace(plain, decoder=decoder))
    assert isinstance(found, TagModel)
    return found


@pytest.mark.parametrize("adapt", ["none", "tracking"])
def test_truths_are_measured_against_the_sets_as_they_were_given(adapt: Any) -> None:
    tagger = with_sets()
    session = tagger.session(adapt=adapt, pending=2)
    held = count = 0
    for t, token in enumerate(SENTENCE):
        answer = session.feed(token)
        if answer.step is None:
            assert answer.set is None
            continue
        assert answer.set is not None
        assert answer.tag in answer.set
        truth = tagger.labels[t % len(tagger.labels)]
        held, count = held + (truth in answer.set), count + 1
        assert session.observe(truth, answer.step if t % 2 else None)[:2] == (count, held)
    assert session.measured.coverage == held / count
    rest = session.finish()
    sets = tagger(tuple(SENTENCE)).sets[-2:]
    if adapt == "none":
        wanted = [tuple(tagger.labels[k] for k in np.flatnonzero(row)) for row in sets]
        assert [answer.set for answer in rest] == wanted
    with pytest.raises(ObservationError, match="no answer of step 8 waits"):
        session.observe(tagger.labels[0], 8)
    session.feed("c")
    with pytest.raises(ObservationError, match="expected a label seen in training"):
        session.observe("B-Q")


def test_what_truths_taught_goes_on_elsewhere() -> None:
    tagger = with_sets()
    session = tagger.session(adapt="tracking")
    for token in SENTENCE[:5]:
        session.feed(token)
    session.observe(tagger.labels[0])
    kept = SessionState.from_bytes(session.state().to_bytes())
    fork, other = session.fork(), tagger.session(adapt="tracking")
    other.restore(kept)
    for each in (session, fork, other):
        for token in SENTENCE[5:]:
            each.feed(token)
            each.observe(tagger.labels[1])
    assert session.state().same_as(fork.state())
    assert session.state().same_as(other.state())
    before = session.measured
    session.restart()
    assert session.measured == before
    assert session.feed("c") == TagAt(None, None, False)
    with pytest.raises(SpecError, match="trained with coverage"):
        model().session().observe("O")
