"""The transducer learns, answers, is saved and loaded, and shows where it looked."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recurra import SequenceTransducer
from recurra.errors import BundleError, DataError, NotFittedError, SettingsError

LEARNING = {
    "hidden": 24,
    "embedding": 12,
    "bidirectional": True,
    "epochs": 12,
    "learning_rate": 2e-2,
    "dropout": 0.0,
    "threads": 1,
}


def reversed_words(count: int) -> tuple[list[str], list[str]]:
    generator = random.Random(0)
    words = ["".join(generator.choices("abc", k=generator.randint(1, 5))) for _ in range(count)]
    return words, [word[::-1] for word in words]


@pytest.fixture(scope="module")
def fitted() -> SequenceTransducer:
    return SequenceTransducer(**LEARNING).fit(*reversed_words(250))


def test_it_learns_to_reverse(fitted: SequenceTransducer) -> None:
    """What a fixed answer cannot do, attention does within seconds."""
    X, y = reversed_words(400)
    X, y = X[250:], y[250:]
    assert fitted.score(X, y) > 0.9
    figures = fitted.evaluate(X, y)
    assert figures["accuracy"] == fitted.score(X, y) == 1 - figures["word_error_rate"]
    assert fitted.predict(X[:3]) == [found[0].text for found in fitted.n_best(X[:3])]
    scores = [output.score for output in fitted.n_best(["abc"])[0]]
    assert scores == sorted(scores, reverse=True)
    frame = pl.DataFrame({"source": X, "target": y})
    assert fitted.evaluate(frame) == figures
    assert fitted.predict(frame) == fitted.predict(X)


def test_it_looks_where_the_symbol_stands(fitted: SequenceTransducer) -> None:
    """Backwards through the source; and that can be drawn."""
    found = fitted.attention_of("abca", "acba")
    looked = found.weights[:4].argmax(axis=1)
    assert np.mean(np.diff(looked) < 0) >= 2 / 3
    pytest.importorskip("matplotlib")
    axes = fitted.plot_attention("abca")
    assert [label.get_text() for label in axes.get_xticklabels()] == [*"abca", "end"]
    assert axes.images[0].get_array().shape == fitted.attention_of("abca").weights.shape


def test_it_survives_saving(fitted: SequenceTransducer, tmp_path: Path) -> None:
    """The same outputs with the same scores; another estimator refuses the bundle."""
    fitted.save(tmp_path / "bundle")
    again = SequenceTransducer.load(tmp_path / "bundle")
    assert again.n_best(["abc", "d"]) == fitted.n_best(["abc", "d"])
    from recurra import SequenceClassifier

    with pytest.raises(BundleError, match="made for the task 'transduce'"):
        SequenceClassifier.load(tmp_path / "bundle")


def test_features_are_given_beside_the_text() -> None:
    """As a text or a list of texts."""
    X = [("ab", "up"), ("ab", ["down"]), ("ba", "up"), ("ba", "down")] * 20
    y = ["ABAB", "ab", "BABA", "ba"] * 20
    model = SequenceTransducer(**LEARNING).fit(X, y)
    assert model.predict(X[:4]) == y[:4]
    assert model.attention_of(("ab", "up")).source == ["up", "a", "b", ""]


def test_what_cannot_be_used_is_refused() -> None:
    """Before anything is learnt."""
    with pytest.raises(NotFittedError):
        SequenceTransducer().predict(["a"])
    with pytest.raises(SettingsError, match="unknown parameter 'beem'"):
        SequenceTransducer(beem=3)
    with pytest.raises(DataError, match="expected a target, got an empty one"):
        SequenceTransducer().fit(["a"], [""])
    with pytest.raises(DataError, match="requires y to be passed"):
        SequenceTransducer().fit(["a"])
    with pytest.raises(DataError, match="a target for each of 2, got 1"):
        SequenceTransducer().fit(["a", "b"], ["c"])


@pytest.mark.parametrize("precision", ["bfloat16", "float64"])
def test_other_precisions_learn_too(precision: str, tmp_path: Path) -> None:
    """With guesses among the decoder's inputs; the bundle is certified in the weights' dtype."""
    X, y = reversed_words(40)
    model = SequenceTransducer(
        **LEARNING | {"epochs": 2, "precision": precision},
        attention="additive",
        teacher_forcing=0.5,
    ).fit(X, y)
    model.save(tmp_path / "bundle")
    again = SequenceTransducer.load(tmp_path / "bundle")
    assert str(again.model_.dtype) == ("float64" if precision == "float64" else "float32")
    assert again.predict(X[:3]) == model.predict(X[:3])
