"""Law: the tagger learns, answers and is kept in the words of the labels that it was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recurra import SequenceTagger
from recurra.errors import DataError, NotFittedError, SettingsError

SMALL: dict[str, Any] = {
    "hidden": 12,
    "embedding": 8,
    "epochs": 20,
    "batch_size": 8,
    "learning_rate": 0.03,
    "dropout": 0.0,
    "threads": 1,
}
X = [["anna", "met", "bo"], ["bo", "slept"], ["met", "anna"]] * 12
Y = [["B-PER", "O", "B-PER"], ["B-PER", "O"], ["O", "B-PER"]] * 12


@pytest.fixture(scope="module")
def tagger() -> SequenceTagger:
    return SequenceTagger(**SMALL).fit(X, Y)


def test_it_learns_and_answers_in_its_labels(tagger: SequenceTagger) -> None:
    assert tagger.score(X, Y) == 1.0
    assert tagger.predict(X[:2]) == Y[:2]
    assert tagger.predict(["bo met anna"]) == [["B-PER", "O", "B-PER"]]
    assert tagger.scheme_ == "bio"
    assert tagger.classes_.tolist() == ["B-PER", "I-PER", "O"]
    shares = tagger.predict_proba(X[:2])
    assert [s.shape for s in shares] == [(3, 3), (2, 3)]
    np.testing.assert_array_equal(tagger.classes_[shares[0].argmax(1)], Y[0])
    assert set(tagger.evaluate(X, Y)) == {
        "accuracy",
        "entity_f1",
        "entity_precision",
        "entity_recall",
    }
    assert tagger.stream().feed("bo").tag == "B-PER"


def test_it_is_kept_and_comes_back(tagger: SequenceTagger, tmp_path: Path) -> None:
    tagger.save(tmp_path / "bundle")
    again = SequenceTagger.load(tmp_path / "bundle")
    assert again.predict(X) == tagger.predict(X)
    assert again.scheme_ == "bio"


def test_tables_hold_their_own_labels() -> None:
    rows = [
        (str(k), token, tag)
        for k, (case, tags) in enumerate(zip(X, Y, strict=True))
        for token, tag in zip(case, tags, strict=True)
    ]
    table = pl.DataFrame(rows, schema=["id", "token", "tag"], orient="row")
    tagger = SequenceTagger(**SMALL | {"epochs": 2}).fit(table)
    assert len(tagger.predict(table.drop("tag"))) == len(X)
    assert tagger.predict(table) == tagger.predict(table.drop("tag"))
    assert 0 <= tagger.score(table) <= 1
    with pytest.raises(DataError, match="a table holds its own labels"):
        tagger.fit(table, Y)


def test_what_cannot_be_learnt_is_told() -> None:
    with pytest.raises(DataError, match="requires y to be passed"):
        SequenceTagger().fit(X)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        SequenceTagger().predict(X)
    with pytest.raises(SettingsError, match="unknown parameter 'horizon'"):
        SequenceTagger(horizon=3)
    assert {"scheme", "crf", "lag"} <= set(SequenceTagger().get_params())
