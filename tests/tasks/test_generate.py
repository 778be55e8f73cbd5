"""The loss counts what counts, the state goes from window to window, both sides decode alike."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra.codecs import Cases, CorpusCodec, CorpusStreams, FrameCodec, corpus_cases
from recurra.decode import NextDecoder, Sampling, generated
from recurra.errors import DataError, SettingsError, SpecError, TrainingError
from recurra.runtime import Parts, load, model_of
from recurra.runtime.models.generate import GenerateModel
from recurra.spec.batch import EncodedList
from recurra.spec.report import EpochRecord
from recurra.spec.settings import Settings
from recurra.tasks import Generate, task_for
from recurra.tasks.abstract import AbstractTask
from recurra.train.evaluate import weights_of
from recurra.train.fit import Fitted, fit_cases
from recurra.train.progress import Silent
from recurra.train.torch_network import networks_of

TEXT = "the cat sat on the mat. the dog sat on the log.\n" * 12
TUNES = [[[k % 5, 5], [], [(k + 1) % 5], [2, 4]] * 3 for k in range(8)]
LINES = [f"line {k % 3} of {'abc'[k % 3]}" for k in range(24)]


def frames(x: Any) -> dict[str, int]:
    """What only frames need to be told."""
    return {"frame_width": 6} if x is TUNES else {}


def settings(**changes: Any) -> Settings:
    small = {
        "task": "generate",
        "hidden": 12,
        # Frames have no symbols.
        "embedding": 64 if "frame_width" in changes else 8,
        "epochs": 3,
        "batch_size": 3,
        "window": 10,
        "threads": 1,
        "learning_rate": 0.02,
    }
    return Settings.from_flat({**small, **changes})


def built(X: Any, **changes: Any) -> tuple[AbstractTask, Any, Any, CorpusStreams]:
    chosen, cases, task = settings(dropout=0.0, **changes), corpus_cases(X), task_for("generate")
    codec = task.codec(cases, chosen)
    streams = task.encoded(codec, cases, chosen, training=True)
    torch.manual_seed(0)
    network = task.network(task.graphs(chosen.model, codec)).double()
    assert isinstance(streams, CorpusStreams)
    return task, codec, network, streams


def learnt(task: AbstractTask, network: Any, streams: CorpusStreams) -> tuple[float, float, list]:
    """Loss sum and weight of one pass, and its gradients."""
    carry, total, weight = None, torch.zeros((), dtype=torch.float64), 0.0
    for index in streams.batches(0):
        batch = streams.collate(index)
        found = task.learn(network, batch, carry, torch.device("cpu"), torch.float64)
        carry, total, weight = found.carry, total + found.total, weight + float(found.weight)
    gradients = torch.autograd.grad(total, list(network.parameters()))
    return float(total.detach()), weight, gradients


@pytest.mark.parametrize("X", [TEXT, LINES, TUNES], ids=["text", "lines", "frames"])
def test_windows_with_the_state_carried_are_the_whole(X: Any) -> None:
    """The loss of one pass does not depend on the window; only the gradient's reach does."""
    task, _, network, streams = built(X)
    cut = CorpusStreams(streams._cases, streams=1, window=7)
    whole = CorpusStreams(streams._cases, streams=1, window=streams.steps)
    pieces, one = learnt(task, network, cut), learnt(task, network, whole)
    assert pieces[1] == one[1] == cut.steps
    assert pieces[0] == pytest.approx(one[0], rel=1e-12)
    near = max(float((a - b).abs().max()) for a, b in zip(pieces[2], one[2], strict=True))
    assert near > 1e-9


def test_without_the_carried_state_the_loss_differs() -> None:
    """The law above is no accident: a state that is dropped changes the loss."""
    task, _, network, _ = built(TEXT)
    cut = CorpusStreams(EncodedList(built(TEXT)[3]._cases), streams=1, window=7)
    carried = learnt(task, network, cut)[0]
    here, wide = torch.device("cpu"), torch.float64
    with torch.no_grad():
        dropped = sum(
            float(task.learn(network, cut.collate(i), None, here, wide).total)
            for i in cut.batches(0)
        )
    assert abs(carried - dropped) > 1e-3


def test_the_loss_is_pytorchs() -> None:
    """Cross-entropy over symbols; over frames a binary one, summed over the notes."""
    task, _, _, streams = built(TEXT, window=4, batch_size=2)
    batch = streams.collate(streams.batches(0)[0])
    scores = torch.randn(2, 4, streams[0].steps["y"].max() + 30, dtype=torch.float64)
    total, weight = task.loss({"head": scores}, batch)
    truth = torch.from_numpy(batch.steps["y"])
    wanted = torch.nn.functional.cross_entropy(scores.transpose(1, 2), truth, reduction="sum")
    torch.testing.assert_close(total, wanted)
    assert float(weight) == 8
    task, _, _, streams = built(TUNES, window=4, batch_size=2)
    batch = streams.collate(streams.batches(0)[0])
    truth = torch.from_numpy(batch.steps["y"]).double()
    scores = torch.randn(truth.shape, dtype=torch.float64)
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(scores, truth, reduction="sum")
    torch.testing.assert_close(task.loss({"head": scores}, batch)[0], wanted)


def test_what_does_not_count_takes_no_part() -> None:
    """Neither the loss nor the gradient sees padding, or steps that are only read, NaN or not."""
    task, _, _, _ = built(TEXT)
    encoded = built(TEXT)[3]._cases
    streams = CorpusStreams(encoded, streams=3, window=50, overlap=20)
    batch = streams.collate(streams.batches(0)[-1])
    wide = int(max(case.steps["y"].max() for case in encoded)) + 1
    scores = torch.randn(*batch.steps["y"].shape, wide, dtype=torch.float64)
    steps = batch.steps["counted"] & (np.arange(scores.shape[1]) < batch.lengths[:, None])
    assert 0 < steps.sum() < steps.size
    spoilt = scores.clone()
    spoilt[torch.from_numpy(~steps)] = np.nan
    spoilt.requires_grad_()
    total, weight = task.loss({"head": spoilt}, batch)
    assert total.item() == pytest.approx(task.loss({"head": scores}, batch)[0].item())
    assert float(weight) == steps.sum()


def test_a_running_text_is_held_out_at_its_end() -> None:
    """Of one text the last part is watched; of several sequences some."""
    task = Generate()
    train, held = task.parts(corpus_cases("abcdefghij"), settings(valid_fraction=0.3))
    assert held is not None
    assert train.inputs + held.inputs == ("abcdefg", "hij")
    train, held = task.parts(corpus_cases(LINES), settings(valid_fraction=0.25))
    assert held is not None
    assert (len(train), len(held)) == (18, 6)
    assert task.parts(corpus_cases("abc"), settings(valid_fraction=0.0))[1] is None
    with pytest.raises(DataError, match="more than 1 step"):
        task.parts(corpus_cases("a"), settings(valid_fraction=0.9))


def test_the_codec_is_that_of_the_cases() -> None:
    """Texts, frames; numbers are sent to forecast."""
    task = Generate()
    assert isinstance(task.codec(corpus_cases(TEXT), settings()), CorpusCodec)
    codec = task.codec(corpus_cases(TUNES), settings(precision="float64"))
    assert isinstance(codec, FrameCodec)
    assert codec.dtype == "float64"
    series = Cases("series", (np.zeros((3, 1)),), ("x0",), ("0",), "numbers.csv")
    with pytest.raises(DataError, match="forecast"):
        task.codec(series, settings())


def test_what_cannot_generate_is_refused() -> None:
    """A network that reads what it is to predict; cases that are no streams."""
    task, codec, _, streams = built(TEXT)
    with pytest.raises(SettingsError, match="bidirectional"):
        task.graphs(settings(bidirectional=True).model, codec)
    with pytest.raises(SettingsError, match="transpose=2 moves the notes of frames, got text"):
        task.codec(corpus_cases(TEXT), settings(transpose=2))
    with pytest.raises(SpecError, match="CorpusStreams"):
        task.batches(EncodedList([streams[0]]), settings().training, 1)


@pytest.mark.parametrize("X", [TEXT, LINES, TUNES], ids=["text", "lines", "frames"])
def test_both_sides_decode_alike(X: Any) -> None:
    """Torch and the runtime: the same likelihood, the same draws, the same beam."""
    fitted = fit_cases(corpus_cases(X), settings(precision="float64", **frames(X)))
    parts = Parts(
        "generate",
        fitted.graphs,
        weights_of(fitted.module),
        fitted.codec,
        fitted.task.decoder(fitted.codec),
    )
    ours = model_of(parts)
    theirs = model_of(parts, networks=networks_of(fitted.module, fitted.graphs))
    assert isinstance(ours, GenerateModel)
    assert isinstance(theirs, GenerateModel)
    raw = X if isinstance(X, str) else X[0]
    assert ours(raw).nats == pytest.approx(theirs(raw).nats, rel=1e-10)
    np.testing.assert_allclose(ours.compared(raw), theirs.compared(raw), atol=1e-12)
    if not ours.symbols:
        return
    for k in range(5):
        prompt = raw[: 3 * k]
        assert ours.search(prompt, length=6) == [
            (text, pytest.approx(score)) for text, score in theirs.search(prompt, length=6)
        ]
        sampling = Sampling(temperature=0.8, seed=k)
        tokens = ours.codec.prompt(prompt)
        outputs, state = theirs.network({"x": tokens[None]})

        def step(newest: Any, before: Any) -> tuple[Any, Any]:
            found, after = theirs.network.step({"x": newest}, before)
            return theirs._log_probabilities(found["head"]), after

        drawn = generated(step, theirs._log_probabilities(outputs["head"][:, -1]), state, sampling)
        steps = list(ours.continued(prompt, length=8, sampling=sampling))
        shown = "".join(piece for (piece,) in steps)
        assert theirs.codec.text_of([int(t[0]) for t in islice(drawn, len(steps) - 1)]) == shown


def bits(fitted: Fitted) -> list[Any]:
    weights = {name: v.numpy().tobytes() for name, v in fitted.module.state_dict().items()}
    return [weights, [(float(r["loss"]).hex(), float(r["metric"]).hex()) for r in fitted.history]]


class _Stopping(Silent):
    def on_epoch(self, record: EpochRecord, best: bool) -> None:
        if record["epoch"] == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("X", [TEXT, TUNES], ids=["text", "frames"])
def test_a_resumed_training_is_bitwise_the_same(X: Any, tmp_path: Path) -> None:
    """Streams, passes, dropout and carried states go on as if nothing had happened."""
    chosen = settings(epochs=4, dropout=0.3, transpose=1 if X is TUNES else 0, **frames(X))
    whole = fit_cases(corpus_cases(X), chosen)
    cut = fit_cases(corpus_cases(X), chosen, folder=tmp_path / "m", progress=_Stopping())
    assert cut.stopped == "interrupted"
    resumed = fit_cases(corpus_cases(X), chosen, folder=tmp_path / "m", resume=True)
    assert bits(resumed) == bits(whole)
    resumed.export(tmp_path / "m")
    model = load(tmp_path / "m")
    assert isinstance(model, GenerateModel)
    assert fitted_nll(resumed) == pytest.approx(resumed.best_metric)


def fitted_nll(fitted: Fitted) -> float:
    assert fitted.metrics is not None
    return fitted.metrics["nll"]


def test_it_learns_what_there_is_to_learn() -> None:
    """A text that repeats becomes foreseeable, and is continued as it was."""
    fitted = fit_cases(
        corpus_cases(TEXT),
        settings(hidden=24, epochs=25, dropout=0.0, window=24, learning_rate=0.03),
    )
    assert fitted.best_metric < 0.2
    assert isinstance(fitted.task.decoder(fitted.codec), NextDecoder)


@pytest.mark.parametrize("embedding", [12, 8], ids=["as wide", "projected"])
def test_a_tied_head_is_the_embedding(embedding: int, tmp_path: Path) -> None:
    """One parameter in training, the same numbers under both paths in the bundle, resumed too."""
    chosen = settings(tie=True, embedding=embedding, epochs=4)
    fitted = fit_cases(corpus_cases(TEXT), chosen)
    weights = weights_of(fitted.module)
    assert weights["head.weight"].tobytes() == weights["embedding.weight"].tobytes()
    assert ("projection.weight" in weights) == (embedding != 12)
    loose = fit_cases(corpus_cases(TEXT), settings(embedding=embedding, epochs=4))
    assert weights_of(loose.module)["head.weight"].tobytes() != weights["head.weight"].tobytes()
    cut = fit_cases(corpus_cases(TEXT), chosen, folder=tmp_path / "m", progress=_Stopping())
    assert cut.stopped == "interrupted"
    resumed = fit_cases(corpus_cases(TEXT), chosen, folder=tmp_path / "m", resume=True)
    assert bits(resumed) == bits(fitted)
    with pytest.raises(SettingsError, match="frames have none"):
        fit_cases(corpus_cases(TUNES), settings(tie=True, frame_width=6))


def test_convolutions_and_dense_layers_by_name() -> None:
    """Before and after the recurrent layers; the model still runs one step at a time."""
    chosen = settings(convolution=(8,), dense_after=(10, 6), input_dropout=0.0, epochs=1)
    fitted = fit_cases(corpus_cases(TEXT), chosen)
    names = [step.name for step in fitted.graphs["main"].steps]
    wanted = ["embedding", "convolution_0", "encoder", "head_dropout", "after_0", "after_1", "head"]
    assert names == wanted
    assert fitted.graphs["main"].why_not_streaming() is None


def test_what_is_newest_of_a_running_text_is_its_end(tmp_path: Path) -> None:
    """So a bundle goes on learning from one text; of several the last ones are held out."""
    task, codec, _, _ = built(TEXT)
    train, held = task.newest(codec, corpus_cases(TEXT), settings(valid_fraction=0.25))
    assert held is not None
    assert (train.inputs[0] + held.inputs[0], len(held.inputs[0])) == (TEXT, len(TEXT) // 4)
    train, held = task.newest(codec, corpus_cases(LINES), settings(valid_fraction=0.25))
    assert held is not None
    assert held.inputs == tuple(LINES[-6:])
    fit_cases(corpus_cases(TEXT), settings()).export(tmp_path / "first")
    base = load(tmp_path / "first").parts
    assert fit_cases(corpus_cases(TEXT), settings(), base=base).best_epoch > 0


@pytest.mark.parametrize("watch", ["nll", "bits", "perplexity"])
def test_any_of_its_figures_is_watched_the_right_way(watch: str) -> None:
    fitted = fit_cases(corpus_cases(TEXT), settings(watch=watch))
    best = min(fitted.history, key=lambda record: record["metric"])
    assert (fitted.best_epoch, fitted.best_metric) == (best["epoch"], best["metric"])
    assert fitted.metrics is not None
    assert fitted.metrics[watch] == pytest.approx(fitted.best_metric)
    with pytest.raises(SettingsError, match="auto, nll, bits, perplexity for the task generate"):
        fit_cases(corpus_cases(TEXT), settings(watch="accuracy"))
    with pytest.raises(TrainingError, match=r"watch='perplexity' needs symbols.*nll, bits"):
        fit_cases(corpus_cases(TUNES), settings(watch="perplexity", frame_width=6))


def test_a_loss_of_the_other_kind_is_refused() -> None:
    fit_cases(corpus_cases(TEXT), settings(loss="cross_entropy", epochs=1))
    fit_cases(corpus_cases(TUNES), settings(loss="binary_cross_entropy", frame_width=6, epochs=1))
    with pytest.raises(SettingsError, match="is not that of text: take cross_entropy"):
        fit_cases(corpus_cases(TEXT), settings(loss="binary_cross_entropy"))
    with pytest.raises(SettingsError, match="is not that of frames: take binary_cross_entropy"):
        fit_cases(corpus_cases(TUNES), settings(loss="cross_entropy", frame_width=6))
