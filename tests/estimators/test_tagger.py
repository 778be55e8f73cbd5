"""Law: the tagger learns, answers and is kept in the words of the labels that it was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recurra import SequenceTagger
from recurra.codecs import Timed
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


@pytest.mark.parametrize("missing", ["mean", "last", "mask", "decay"])
def test_series_with_holes_and_times_are_tagged_and_streamed(missing: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    X, y = [], []
    for _ in range(12):
        x = random.normal(size=(8, 2))
        y.append(["hi" if row[0] > 0 else "lo" for row in x])
        x[random.random(x.shape) < 0.3] = np.nan
        X.append(Timed(x, np.cumsum(random.exponential(3.0, 8))))
    tagger = SequenceTagger(hidden=4, epochs=1, threads=1, missing=missing, crf=False).fit(X, y)
    whole = tagger.predict(X[:3])
    tagger.save(tmp_path / "b")
    session = SequenceTagger.load(tmp_path / "b").stream(lag=0)
    for series, tags in zip(X[:3], whole, strict=True):
        session.restart()
        fed = [
            session.feed({n: v for n, v in zip(("x0", "x1"), row, strict=True) if v == v}, time)
            for row, time in zip(series.values, series.times.tolist(), strict=True)
        ]
        assert [answer.tag for answer in fed] == tags


def test_tags_that_are_out_of_order_are_told() -> None:
    model = SequenceTagger(cell="gru", hidden=4, epochs=1)
    with pytest.warns(UserWarning, match=r"2 tags are out of order for bioes \(the first in seq"):
        model.fit([["a", "b"]] * 2, [["O", "E-X"], ["S-X", "B-X"]])
