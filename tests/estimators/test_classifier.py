"""A classifier gives labels back in their own type, and probabilities in its classes' order."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import SequenceClassifier, errors, runtime

Waves = Callable[..., tuple[list[Any], Any]]


@pytest.mark.parametrize(
    "labels",
    [("slow", "fast"), (7, 3), (np.int32(1), np.int32(0)), (True, False), (2.0, 1.0)],
    ids=["str", "int", "int32", "bool", "float"],
)
def test_labels_come_back(labels: tuple[Any, Any], waves: Waves, small: dict[str, Any]) -> None:
    X, _ = waves(16)
    y = list(labels) * 8
    model = SequenceClassifier(**small).fit(X, y)
    assert list(model.classes_) == sorted(labels)
    assert model.classes_.dtype.kind == np.array(y).dtype.kind
    assert set(model.predict(X)) <= set(labels)
    assert model.predict(X).dtype == model.classes_.dtype


def test_the_most_probable_class_is_predicted(fitted: SequenceClassifier, waves: Waves) -> None:
    X, y = waves(20, seed=4)
    probabilities = fitted.predict_proba(X)
    assert probabilities.shape == (20, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    predicted = fitted.predict(X)
    assert list(predicted) == list(fitted.classes_[probabilities.argmax(axis=1)])
    assert fitted.score(X, y) == np.mean(predicted == y)


def test_it_learns_what_can_be_learnt(waves: Waves) -> None:
    model = SequenceClassifier(
        hidden=8, epochs=15, learning_rate=0.03, valid_fraction=0.0, threads=1
    )
    assert model.fit(*waves(160)).score(*waves(40, seed=9)) >= 0.95


def test_a_fitted_classifier_can_be_pickled_and_copied(
    fitted: SequenceClassifier, waves: Waves, tmp_path: Path
) -> None:
    X, _ = waves(6, seed=7)
    for other in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert other.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()
    other.save(tmp_path / "bundle")
    assert runtime.load(tmp_path / "bundle").fingerprint == fitted.model_.fingerprint


def test_quantities_are_no_classes(waves: Waves) -> None:
    with pytest.raises(errors.DataError, match="SequenceRegressor"):
        SequenceClassifier().fit(waves(4)[0], [0.5, 1.0, 0.5, 1.0])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["slow"] * 6, "at least two classes"),
        (["slow", "fast"], "6 cases"),
        (["slow", 1] * 3, "labels of one type"),
        ([[0, 1]] * 6, "one value a case|label or a number"),
    ],
)
def test_labels_that_cannot_be_learnt(y: list[Any], message: str, waves: Waves) -> None:
    with pytest.raises((errors.DataError, errors.ShapeError), match=message):
        SequenceClassifier().fit(waves(6)[0], y)
