"""Generation in the runtime: the state carried, the same draws in any company, exact beams."""

from __future__ import annotations

from itertools import islice, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.codecs import Cases, CorpusCodec, CorpusStreams, FrameCodec
from recurra.codecs.corpus import BOUNDARY, Vocabulary
from recurra.decode import NextDecoder, Sampling, generated
from recurra.errors import (
    BundleError,
    DataError,
    ObservationError,
    SettingsError,
    ShapeError,
    SpecError,
)
from recurra.runtime import Parts, model_of
from recurra.runtime.models import generate
from recurra.runtime.models.generate import GenerateModel, Likelihood
from recurra.spec.batch import EncodedList
from recurra.spec.cells import GRUCell, LSTMCell
from recurra.spec.graph import Graph, Step
from recurra.spec.nodes import Bidirectional, Embedding, Linear, Stack

RUNNING = CorpusCodec(Vocabulary("character", tuple("abcd\n")), ends=False)
LINES = CorpusCodec(Vocabulary("character", tuple("abcd\n")), ends=True)
NOTES = FrameCodec(6)


def graph_for(codec: CorpusCodec | FrameCodec, *, both: bool = False) -> Graph:
    signals = codec.signals()
    size = signals["x"].size
    cell = GRUCell(input_size=5, hidden_size=5)
    layers = (GRUCell(input_size=5, hidden_size=5), LSTMCell(input_size=5, hidden_size=5))
    encoder = Bidirectional(forward=cell, backward=cell) if both else Stack(layers=layers)
    first = (
        Embedding(tokens=size, size=5)
        if isinstance(codec, CorpusCodec)
        else Linear(input_size=size, output_size=5)
    )
    steps = (
        Step("embedding", first, ("x",)),
        Step("encoder", encoder, ("embedding",)),
        Step("head", Linear(input_size=10 if both else 5, output_size=size), ("encoder",)),
    )
    return Graph(signals, steps, ("head",))


def parts_of(codec: CorpusCodec | FrameCodec, /, **changes: Any) -> Parts:
    graph = graph_for(codec)
    random = np.random.default_rng(1)
    weights = {
        name: random.normal(size=shape).astype(np.float32)
        for name, shape in graph.parameters().items()
    }
    form = "symbol" if isinstance(codec, CorpusCodec) else "frame"
    decoder = NextDecoder(form=form, size=codec.signals()["x"].size)
    found = {"graphs": {"main": graph}, "weights": weights, "codec": codec, "decoder": decoder}
    return Parts("generate", **(found | changes))


def model_for(codec: CorpusCodec | FrameCodec) -> GenerateModel:
    model = model_of(parts_of(codec))
    assert isinstance(model, GenerateModel)
    return model


MODELS = {"running": model_for(RUNNING), "lines": model_for(LINES), "notes": model_for(NOTES)}
TUNE = ((0, 2), (), (3,), (1, 5), (5,), (0,), ())
RAW: dict[str, Any] = {"running": "abcdabba\ncd", "lines": "abcdabba\ncd", "notes": TUNE}


@pytest.mark.parametrize("name", MODELS)
def test_the_likelihood_is_the_sum_over_the_steps(name: str) -> None:
    """One step at a time through the graph, each step's term by a plain formula."""
    model = MODELS[name]
    steps = model.codec.encode(RAW[name]).steps
    state, total = model.network.initial_state(1), 0.0
    for x, y in zip(steps["x"], steps["y"], strict=True):
        outputs, state = model.network.step({"x": x[None]}, state)
        scores = outputs["head"][0].astype(np.float64)
        if model.symbols:
            total -= scores[y] - np.log(np.exp(scores).sum())
        else:
            chances = 1 / (1 + np.exp(-scores))
            total -= np.log(np.where(y > 0, chances, 1 - chances)).sum()
    answer = model(RAW[name])
    assert answer.nats == pytest.approx(total, rel=1e-6)
    assert answer.steps == len(steps["y"])


@pytest.mark.parametrize("name", MODELS)
def test_chunks_and_neighbours_change_no_bit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The terms of the steps are the same bits whole, in chunks, alone, in a batch."""
    model = MODELS[name]
    cases = [RAW[name], RAW[name][:3], RAW[name][2:]]
    encoded = EncodedList([model.codec.encode(x) for x in cases])

    def terms() -> list[np.ndarray[Any, Any]]:
        batch = encoded.collate([0, 1, 2])
        return [np.concatenate([nats for _, nats in model._read(batch)], axis=1)]

    whole = terms()
    monkeypatch.setattr(generate, "_CHUNK", 2)
    for k, (a, b) in enumerate(zip(whole, terms(), strict=True)):
        assert a.tobytes() == b.tobytes(), k
    together = model.answers(encoded)
    for k, answer in enumerate(together):
        alone = model.answers([encoded[k]])[0]
        assert alone.nats == pytest.approx(answer.nats, rel=1e-14)
        assert alone.steps == answer.steps


@pytest.mark.parametrize("name", MODELS)
def test_parallel_streams_give_the_same_figures(name: str) -> None:
    """What a training watches: windows whose state is carried add up to the whole, where the
    steps that are read ahead begin the sequence itself."""
    model = MODELS[name]
    encoded = model.codec.encode(RAW[name])
    streams = CorpusStreams([encoded], streams=2, window=3, overlap=encoded.length)
    state, nats, steps = None, 0.0, 0
    for index in streams.batches(0):
        batch = streams.collate(index)
        outputs, state = model.network(
            {"x": batch.steps["x"]}, state, lengths=batch.lengths, starts=batch.steps["starts"]
        )
        for answer in model.decode(outputs, batch):
            nats, steps = nats + answer.nats, steps + answer.steps
    whole = model(RAW[name])
    assert (nats, steps) == (pytest.approx(whole.nats, rel=1e-12), whole.steps)


@pytest.mark.parametrize("name", MODELS)
def test_a_session_tells_what_comes_next(name: str) -> None:
    """After each symbol or frame: the probabilities that the whole sequence gives to the next."""
    model = MODELS[name]
    session = model.session()
    raw = list(RAW[name])
    answers = [session.feed(one) for one in raw]
    for t in (1, len(raw) - 1):
        before, after = model(RAW[name][:t]), model(RAW[name][: t + 1])
        if model.codec is RUNNING:
            token = model.codec.tokens_of(raw[t])[0]
            assert -np.log(answers[t - 1][token]) == pytest.approx(after.nats - before.nats, 1e-9)
        elif not model.symbols:
            sounding = model.codec.many_hot([raw[t]])[0]
            chances = np.where(sounding > 0, answers[t - 1], 1 - answers[t - 1])
            assert -np.log(chances).sum() == pytest.approx(after.nats - before.nats, 1e-9)
    session.restart()
    assert session.feed(raw[0]).tobytes() == answers[0].tobytes()


@pytest.mark.parametrize("name", ["running", "notes"])
def test_a_sessions_state_is_a_value(name: str) -> None:
    """Forked, or restored elsewhere, a stream goes on as it was; a refusal changes nothing."""
    model, raw = MODELS[name], RAW[name]
    session = model.session()
    session.feed(raw[0])
    kept, fork = session.state(), session.fork()
    with pytest.raises(ObservationError):
        session.feed(3.5)
    expected = session.feed(raw[1])
    elsewhere = model.session()
    elsewhere.restore(kept)
    for other in (fork, elsewhere):
        assert other.feed(raw[1]).tobytes() == expected.tobytes()


@given(seed=st.integers(0, 50), temperature=st.sampled_from([0.0, 0.7, 1.5]), k=st.integers(0, 3))
def test_sampling_is_stepping_by_hand(seed: int, temperature: float, k: int) -> None:
    """The stream draws what a loop over the graph draws, and count and company change nothing."""
    model = MODELS["running"]
    sampling = Sampling(temperature=temperature, top_k=k, seed=seed)
    tokens = RUNNING.prompt("ab")
    outputs, state = model.network({"x": tokens[None]})

    def banned(scores: Any) -> Any:
        scores = scores.astype(np.float64)
        scores[:, list(RUNNING.never)] = -np.inf
        return scores

    def step(newest: Any, before: Any) -> tuple[Any, Any]:
        found, after = model.network.step({"x": newest}, before)
        return banned(found["head"]), after

    by_hand = generated(step, banned(outputs["head"][:, -1]), state, sampling)
    expected = RUNNING.text_of([int(token[0]) for token in islice(by_hand, 12)])
    assert model.generate("ab", length=12, sampling=sampling) == [expected]
    assert model.generate("ab", length=12, sampling=sampling, count=3)[0] == expected


def test_a_running_text_goes_on_and_sequences_end() -> None:
    """Where training showed no end there is none; elsewhere the boundary ends the text."""
    assert [len(t) for t in MODELS["running"].generate(length=60, count=4)] == [60] * 4
    lengths = [len(t) for t in MODELS["lines"].generate(length=200, count=8)]
    assert min(lengths) < 200


@pytest.mark.parametrize("stop", [["b"], ["ab", "\n"], ["dd", "cc", "aa"]])
def test_stop_strings_end_before_themselves(stop: list[str]) -> None:
    """What is given is the free continuation up to the first stop string."""
    model = MODELS["running"]
    (free,) = model.generate("a", length=80)
    places = [free.find(text) for text in stop if text in free]
    assert places
    assert model.generate("a", length=80, stop=stop) == [free[: min(places)]]


def test_pieces_come_as_they_are_drawn() -> None:
    """`continued` gives what `generate` gives, before the whole is there."""
    model = MODELS["running"]
    steps = model.continued("ab", length=10, count=2)
    shown = [next(steps), *steps]
    assert ["".join(row) for row in zip(*shown, strict=True)] == model.generate(
        "ab", length=10, count=2
    )
    assert len(shown) == 11


def test_frames_continue() -> None:
    """Frames below the width; the same seed the same tune; the prompt matters."""
    model = MODELS["notes"]
    (tune,) = model.generate(TUNE, length=9)
    assert len(tune) == 9
    assert all(0 <= note < 6 for frame in tune for note in frame)
    assert model.generate(TUNE, length=9, count=2)[0] == tune
    assert model.generate((), length=9)[0] != tune


@pytest.mark.parametrize(("name", "length"), [("running", 3), ("lines", 2)])
def test_a_wide_beam_is_exhaustive(name: str, length: int) -> None:
    """With a width that drops nothing it finds the most probable of all continuations."""
    model, codec = MODELS[name], MODELS[name].codec
    tokens = codec.prompt("ab")

    def score(added: tuple[int, ...]) -> float:
        ids = [*tokens, *added]
        outputs, _ = model.network({"x": np.array(ids)[None]})
        scores = outputs["head"][0].astype(np.float64)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        chosen = [*added, BOUNDARY] if codec.ends else [*added]
        return sum(logs[len(tokens) - 1 + k, token] for k, token in enumerate(chosen))

    lengths = range(length + 1) if codec.ends else [length]
    every = [a for n in lengths for a in product(range(2, codec.tokens), repeat=n)]
    best = max(every, key=score)
    found = model.search("ab", length=length, width=400)
    assert found[0][0] == codec.text_of(best)
    assert found[0][1] == pytest.approx(score(best), rel=1e-5)
    assert [s for _, s in found] == sorted((s for _, s in found), reverse=True)


def test_figures_and_objects() -> None:
    """Nats, bits and perplexity of all steps together; a stream's answer names what comes next."""
    model = MODELS["running"]
    answers = [Likelihood(2.0, 1), Likelihood(4.0, 5)]
    figures = model.figures(answers, EncodedList([]), Cases("text", (), (), (), ""))
    assert figures == pytest.approx({"nll": 1, "bits": 1 / np.log(2), "perplexity": np.e})
    assert model.object_of(Likelihood(4.0, 5))["nll"] == 0.8
    named = model.object_of(model.session().feed("a"))
    assert set(named["probability"]) <= {*"abcd\n", "<unknown>", "<boundary>"}
    notes = MODELS["notes"]
    assert "perplexity" not in notes.object_of(Likelihood(4.0, 5))
    assert set(notes.object_of(notes.session().feed([1]))) == {"prediction", "probability"}
    assert set(notes.figures(answers, EncodedList([]), Cases("frames", (), (), (), ""))) == {
        "nll",
        "bits",
    }


def test_a_beam_of_frames_and_bad_requests_are_refused() -> None:
    """Each with what was expected."""
    running, notes = MODELS["running"], MODELS["notes"]
    with pytest.raises(SpecError, match="beam search needs symbols"):
        notes.search("", length=3)
    with pytest.raises(SettingsError, match="stop names texts"):
        notes.generate(length=3, stop=["a"])
    with pytest.raises(SettingsError, match="top_k and top_p"):
        notes.generate(length=3, sampling=Sampling(top_k=2))
    with pytest.raises(DataError, match="characters that training showed, got 'x'"):
        running.generate("ax", length=3)
    with pytest.raises(DataError, match="characters that training showed, got 'x'"):
        running.search("ax", length=3)
    assert len(running.generate("ax", length=3, unknown="read")[0]) == 3
    with pytest.raises(DataError, match="from 0 below 6"):
        notes.generate(((9,),), length=3)
    for wrong in (-1, 1.5, True):
        with pytest.raises(SettingsError, match="length expected"):
            running.generate("a", length=wrong)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(SettingsError, match="length expected"):
        running.search("a", length=0)
    with pytest.raises(SettingsError, match="count expected"):
        running.generate("a", length=3, count=0)
    with pytest.raises(ShapeError, match="at least one case"):
        running.answers([])


def test_one_case_is_told_from_several() -> None:
    """A text or one sequence of frames has one answer; a list of them a list."""
    running, notes = MODELS["running"], MODELS["notes"]
    assert isinstance(running("abc"), Likelihood)
    assert [answer.steps for answer in running(["abc", "a"])] == [3, 1]
    assert isinstance(notes(TUNE), Likelihood)
    assert [answer.steps for answer in notes([TUNE, TUNE[:2]])] == [7, 2]


@pytest.mark.parametrize(
    "changes",
    [
        {"graphs": {"other": graph_for(RUNNING)}},
        {"codec": NOTES},
        {"codec": CorpusCodec(Vocabulary("character", tuple("abc")), ends=False)},
        {"decoder": NextDecoder(form="frame", size=7)},
        {"decoder": NextDecoder(form="symbol", size=8)},
        {"decoder": NextDecoder(form="symbol", size=7, output="encoder")},
    ],
    ids=["graph", "codec", "tokens", "form", "size", "output"],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, Any]) -> None:
    """Graph, codec and decoder of different models."""
    with pytest.raises(BundleError):
        model_of(parts_of(RUNNING, **changes))


def test_a_graph_that_reads_backwards_is_refused() -> None:
    """What cannot run one step at a time cannot generate."""
    graph = graph_for(RUNNING, both=True)
    weights = {n: np.zeros(s, np.float32) for n, s in graph.parameters().items()}
    with pytest.raises(BundleError, match="one step at a time"):
        model_of(parts_of(RUNNING, graphs={"main": graph}, weights=weights))


def test_describe_and_witness() -> None:
    """A line each for people; a raw case is cut to what a golden pair keeps."""
    for model, name in ((MODELS[n], n) for n in MODELS):
        assert set(model.describe()) == {"task", "input", "answer"}
        assert len(model.witness(RAW[name], 3)) == 3
        assert model.golden(RAW[name]).ndim == 1
