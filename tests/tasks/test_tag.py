"""Law: the loss is that of the steps that count; a trained tagger is the same on both sides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from recurra.codecs import Cases
from recurra.codecs.read_tags import tag_cases_from_arrays
from recurra.codecs.tags import UNSEEN, TagCodec
from recurra.decode import TagDecoder
from recurra.errors import DataError, SettingsError, SpecError
from recurra.runtime import Parts, load, model_of
from recurra.spec.settings import Settings
from recurra.tasks import Tag, task_for
from recurra.tasks.tag import EncodedTags, TagSpans
from recurra.train.evaluate import weights_of
from recurra.train.fit import Fitted, fit_cases
from recurra.train.torch_network import networks_of

SMALL: dict[str, Any] = {
    "task": "tag",
    "hidden": 6,
    "embedding": 4,
    "epochs": 4,
    "batch_size": 8,
    "threads": 1,
    "valid_fraction": 0.25,
}
WORDS = [["anna", "saw", "New", "York", "today"], ["Bo", "slept"], ["saw", "Bo"]] * 8
SPANS = [["B-PER", "O", "B-LOC", "E-LOC", "O"], ["S-PER", "O"], ["O", "S-PER"]] * 8


def settings(**changes: Any) -> Settings:
    return Settings.from_flat(SMALL | changes)


def cases(X: Any = WORDS, y: Any = SPANS) -> Cases:
    return tag_cases_from_arrays(X, y, settings=settings().data)


def made(chosen: Settings, given: Cases | None = None) -> tuple[Tag, EncodedTags]:
    task = task_for("tag", chosen)
    given = cases() if given is None else given
    codec: Any = task.codec(given, chosen)
    encoded: Any = task.encoded(codec, given, chosen, training=True)
    weighed = task.weighed(encoded, chosen.training)
    assert isinstance(weighed, Tag)
    return weighed, encoded


def test_the_figure_that_is_watched_follows_the_tags() -> None:
    spans, _ = made(settings())
    plain, _ = made(settings(scheme="none"))
    assert isinstance(spans, TagSpans)
    assert (spans.metric, plain.metric) == (("entity_f1", "max"), ("accuracy", "max"))
    assert spans.watched(settings(watch="entity_recall").training) == ("entity_recall", "max")
    with pytest.raises(SettingsError, match="for tags that spell spans; got 'macro_f1'"):
        spans.watched(settings(watch="macro_f1").training)
    with pytest.raises(SettingsError, match="for tags without spans; got 'entity_f1'"):
        plain.watched(settings(watch="entity_f1").training)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["embedding", "spelling", "with_spelling", "input_dropout", "encoder"]),
        ({"character_hidden": 0, "dropout": 0.0}, ["embedding", "encoder"]),
        (
            {"character_hidden": 0, "pair_embedding": 3, "dropout": 0.0},
            ["embedding", "pair_embedding", "with_pair_embedding", "encoder"],
        ),
    ],
)
def test_graphs_read_what_the_codec_feeds(changes: dict[str, Any], names: list[str]) -> None:
    chosen = settings(**changes)
    task, encoded = made(chosen)
    graph = task.graphs(chosen.model, encoded.codec)["main"]
    assert [step.name for step in graph.steps][: len(names)] == names
    assert graph.outputs == ("head", "crf")
    assert graph.inputs == encoded.codec.signals()
    without, encoded = made(settings(crf=False))
    assert without.graphs(settings(crf=False).model, encoded.codec)["main"].outputs == ("head",)
    decoder = without.decoder(encoded.codec)
    assert isinstance(decoder, TagDecoder)
    assert (decoder.potentials, decoder.scheme) == ("", "bioes")


def test_cross_entropy_counts_each_step_once() -> None:
    task, encoded = made(settings(crf=False))
    batch = encoded.collate([0, 1])
    scores = torch.randn(2, 5, encoded.codec.target.size)
    total, weight = task.loss({"head": scores}, batch)
    logs = scores.log_softmax(2)
    y = batch.steps["y"]
    steps = [(0, t) for t in range(5)] + [(1, 0), (1, 1)]
    expected = -sum(logs[b, t, y[b, t]] for b, t in steps)
    assert total.item() == pytest.approx(expected.item(), rel=1e-5)
    assert weight.item() == 7


def test_balanced_tags_weigh_the_same_and_a_crf_takes_no_weights() -> None:
    task, encoded = made(settings(crf=False, class_weight="balanced"))
    y = np.concatenate([case.steps["y"] for case in encoded])
    assert task.tag_weights is not None
    sums = np.bincount(y, np.array(task.tag_weights)[y])
    np.testing.assert_allclose(sums[sums > 0], sums.max())
    _, weight = task.loss({"head": torch.zeros(1, 5, len(sums))}, encoded.collate([0]))
    assert weight.item() == pytest.approx(np.array(task.tag_weights)[y[:5]].sum(), rel=1e-5)
    with pytest.raises(SettingsError, match="a CRF learns whole paths"):
        made(settings(class_weight="balanced"))


@pytest.mark.parametrize("crf", [True, False])
def test_a_tag_that_training_has_not_seen_counts_nothing(crf: bool) -> None:
    task, encoded = made(settings(crf=crf))
    strange = encoded.codec.encode_cases(cases([["saw", "Bo"]], [["O", "S-ZZZ"]]))
    batch = type(encoded)(encoded.codec, cases([["saw", "Bo"]], [["O", "S-ZZZ"]]), settings())
    assert strange[0].steps["y"].tolist()[1] == UNSEEN
    count = encoded.codec.target.size
    outputs = {"head": torch.randn(1, 2, count), "crf": torch.zeros(1, count * (count + 2))}
    total, weight = task.loss(outputs, batch.collate([0]))
    known = -outputs["head"].log_softmax(2)[0, 0, strange[0].steps["y"][0]]
    assert total.item() == pytest.approx(0.0 if crf else known.item(), abs=1e-6)
    assert weight.item() == (2 if crf else 1)


def test_a_loss_without_tags_is_refused() -> None:
    task, encoded = made(settings())
    bare = EncodedTags(encoded.codec, cases(WORDS, None), settings())
    with pytest.raises(SpecError, match="encode cases with their tags"):
        task.loss({"head": torch.zeros(1, 5, 9)}, bare.collate([0]))


def trained(given: Cases, **changes: Any) -> Fitted:
    return fit_cases(given, settings(**changes))


KINDS: list[dict[str, Any]] = [
    {"bidirectional": True, "cell": "lstm"},
    {"pair_embedding": 3, "lag": 1, "character_hidden": 0},
    {"crf": False, "layers": 2, "scheme": "bmes"},
    {"crf": False, "scheme": "none"},
]


@pytest.mark.parametrize("changes", KINDS, ids=str)
def test_torch_and_the_bundle_give_the_same_tags(changes: dict[str, Any], tmp_path: Any) -> None:
    """The same answers, figures and evidence, and the bundle is certified and replayed."""
    fitted = trained(cases(), **changes)
    fitted.export(tmp_path / "bundle")
    ours = load(tmp_path / "bundle")
    parts = Parts(
        "tag",
        fitted.graphs,
        weights_of(fitted.module),
        fitted.codec,
        fitted.task.decoder(fitted.codec),
    )
    theirs = model_of(parts, networks=networks_of(fitted.module, fitted.graphs))
    given = cases()
    for mine, other in zip(ours(given), theirs(given), strict=True):
        np.testing.assert_array_equal(mine, other)
    encoded = ours.encoded(given)
    answers = ours.answers(encoded)
    figures = ours.figures(answers, encoded, given)
    assert figures == theirs.figures(theirs.answers(encoded), encoded, given)
    assert set(figures) >= {"accuracy", fitted.task.metric[0]}
    np.testing.assert_allclose(
        ours.golden(given.inputs[0]), theirs.golden(given.inputs[0]), atol=1e-5
    )


def test_series_with_a_label_a_step_are_learnt() -> None:
    """Whether the number is above 0, in 40 short series; missing values are stood in for."""
    generator = np.random.default_rng(0)
    X = [generator.normal(size=(int(n), 1)) for n in generator.integers(3, 9, 40)]
    y = [[bool(value > 0) for value in x[:, 0]] for x in X]
    X[0][1] = np.nan
    given = tag_cases_from_arrays(X, y, settings=settings().data)
    numbers = {"missing": "mask", "embedding": 64}
    fitted = trained(given, epochs=12, learning_rate=0.03, crf=False, **numbers)
    assert fitted.best_metric > 0.9
    assert isinstance(fitted.codec, TagCodec)
    assert fitted.codec.target.labels == (False, True)


def test_a_trained_tagger_does_not_learn_from_tags_that_it_does_not_know() -> None:
    """Nothing is passed over in silence; measured they may be, and count as missed."""
    chosen = settings()
    task, known = made(chosen)
    strange = cases([["anna", "slept"], ["Bo", "saw"]], [["O", "S-PER"], ["O", "S-ORG"]])
    says = "case '1', step 1: expected one of the tags .* got 'S-ORG': correct it"
    with pytest.raises(DataError, match=says):
        task.encoded(known.codec, strange, chosen, training=True)
    watched = task.encoded(known.codec, strange, chosen, training=False)
    assert watched[1].steps["y"].tolist()[1] == UNSEEN
