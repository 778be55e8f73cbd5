"""A regressor gives numbers in the unit of its targets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import r2_score

from recurra import SequenceRegressor, errors

Waves = Callable[..., tuple[list[Any], Any]]


def test_numbers_in_their_own_unit(waves: Waves, tmp_path: Path) -> None:
    X, _ = waves(64)
    y = np.array([1000 + 100 * x[:, 0].mean() for x in X])
    model = SequenceRegressor(hidden=8, epochs=30, learning_rate=0.02, threads=1).fit(X, y)
    predicted = model.predict(X)
    assert predicted.shape == (64,)
    assert predicted.dtype == np.float64
    assert model.score(X, y) == r2_score(y, predicted)
    assert model.score(X, y) > 0.9
    model.save(tmp_path / "bundle")
    assert SequenceRegressor.load(tmp_path / "bundle").predict(X).tobytes() == predicted.tobytes()
    answer = model.stream().feed(X[0][0])
    assert answer == model.predict([X[0][:1]])[0]


def test_whole_numbers_are_numbers_here(waves: Waves, small: dict[str, Any]) -> None:
    X, _ = waves(12)
    model = SequenceRegressor(**small).fit(X, list(range(12)))
    assert model.predict(X).dtype == np.float64
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize(
    ("y", "message"), [(["a"] * 6, "number"), ([1.5] * 6, "vary"), ([1, np.nan] * 3, "finite")]
)
def test_targets_that_cannot_be_learnt(y: list[Any], message: str, waves: Waves) -> None:
    with pytest.raises(errors.DataError, match=message):
        SequenceRegressor().fit(waves(6)[0], y)
