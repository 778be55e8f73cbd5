"""Law: a tagger answers in the tags' own words and refuses parts of different models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recurra.codecs import Cases
from recurra.codecs.read_tags import tag_cases_from_arrays
from recurra.decode import ClassDecoder
from recurra.errors import BundleError, DataError, ShapeError
from recurra.runtime import Parts, model_of
from recurra.runtime.models.tag import TagModel
from recurra.runtime.tag_session import TagAt
from recurra.spec.graph import Graph
from recurra.spec.settings import Settings
from recurra.tasks import Tag

CHOSEN = Settings.from_flat({"task": "tag", "hidden": 5, "embedding": 4})
WORDS, TAGS = [["ab", "c", "ab"], ["c", "d"]], [["B-X", "E-X", "O"], ["S-X", "O"]]


def cases(X: Any = WORDS, y: Any = TAGS) -> Cases:
    return tag_cases_from_arrays(X, y, settings=CHOSEN.data)


@pytest.fixture(scope="module")
def tagger() -> TagModel:
    task = Tag()
    codec = task.codec(cases(), CHOSEN)
    graphs = task.graphs(CHOSEN.model, codec)
    generator = np.random.default_rng(1)
    weights = {
        name: generator.normal(size=shape).astype(np.float32)
        for name, shape in graphs["main"].parameters().items()
    }
    found = model_of(Parts("tag", graphs, weights, codec, task.decoder(codec)))
    assert isinstance(found, TagModel)
    return found


def test_one_case_is_a_tuple_or_a_text_and_many_are_a_list(tagger: TagModel) -> None:
    one, text = tagger.predict(("ab", "c")), tagger.predict("ab c")
    assert one == text
    assert tagger.predict([("ab", "c"), "ab c"]) == [one, text]
    assert tagger.predict(cases()) == [tagger.predict(tuple(case)) for case in WORDS]
    assert all(tag in tagger.labels for tag in one)


def test_probabilities_are_those_of_allowed_paths(tagger: TagModel) -> None:
    shares = tagger.probabilities(("ab",))
    assert shares.shape == (1, len(tagger.labels))
    np.testing.assert_allclose(shares.sum(), 1.0)
    # Of one step only S and O spell something whole.
    whole = [tagger.labels.index(tag) for tag in ("O", "S-X")]
    np.testing.assert_allclose(shares[0, whole].sum(), 1.0)
    assert [p.shape for p in tagger.probabilities(cases())] == [(3, 5), (2, 5)]


def test_answers_are_written_with_their_spans(tagger: TagModel) -> None:
    numbers = [tagger.labels.index(tag) for tag in ("B-X", "E-X", "O")]
    assert tagger.object_of(np.array(numbers)) == {
        "tags": ["B-X", "E-X", "O"],
        "spans": [{"type": "X", "begin": 0, "end": 2}],
    }
    assert tagger.object_of(TagAt(3, "O", True)) == {"step": 3, "tag": "O", "sure": True}
    assert tagger.table_of(["p"], [np.array(numbers[:2])]).rows() == [
        ("p", 0, "B-X"),
        ("p", 1, "E-X"),
    ]


def test_figures_and_tables_judge_spans(tagger: TagModel) -> None:
    codec = tagger.codec
    right = [np.array([codec.tags.index(tag) for tag in tags]) for tags in TAGS]
    encoded = tagger.encoded(cases())
    figures = tagger.figures(right, encoded, cases())
    assert set(figures.values()) == {1.0}
    ((headings, row),) = tagger.tables(right, encoded, cases())
    assert headings == ("type", "precision", "recall", "f1", "spans")
    assert row == ("X", "1.0000", "1.0000", "1.0000", "2")
    # A tag that training has not seen is one that no answer can be.
    strange = cases([["c"]], [["S-Y"]])
    assert tagger.figures([right[1][:1]], tagger.encoded(strange), strange)["accuracy"] == 0


def test_it_describes_itself(tagger: TagModel) -> None:
    said = tagger.describe()
    assert said["input"].startswith("tokens (words, read by their characters too)")
    assert said["answer"].startswith("one of 5 tags a step spelling spans in bioes, the best path")


def test_what_is_no_case_is_refused(tagger: TagModel) -> None:
    with pytest.raises(DataError, match="case 1: expected at least one token"):
        tagger([("ab",), ()])
    with pytest.raises(ShapeError, match="at least one case"):
        tagger([])
    with pytest.raises(ShapeError, match="expected one case"):
        tagger.golden([("ab",)])
    assert tagger.witness(("a", "b", "c"), 2) == ("a", "b")
    assert tagger.witness("abc", 300) == "abc"


Change = Callable[[Parts], dict[str, Any]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: {"graphs": {"other": p.graphs["main"]}}, "expected one graph"),
        (lambda _: {"decoder": ClassDecoder(classes=5)}, "a codec and a decoder for tags"),
        (lambda p: {"codec": replace(p.codec, scheme="none")}, "know different tags"),
        (lambda p: {"decoder": replace(p.decoder, potentials="head")}, "which is no output"),
        (lambda p: {"decoder": replace(p.decoder, output="encoder")}, "which is no output"),
        (
            lambda p: {"codec": replace(p.codec, input=replace(p.codec.input, vocabulary=("a",)))},
            "other inputs than the graph takes",
        ),
    ],
)
def test_parts_of_different_models_are_refused(
    tagger: TagModel, change: Change, words: str
) -> None:
    with pytest.raises(BundleError, match=words):
        model_of(replace(tagger.parts, **change(tagger.parts)))
    assert isinstance(tagger.parts.graphs["main"], Graph)
