"""From Python a search is the command's: arrays, ranges as lists, and settings by name."""

from __future__ import annotations

from pathlib import Path

import pytest

import recurra
from recurra.errors import SettingsError
from train.comparing import waves


def test_arrays_are_searched_and_the_best_settings_are_an_estimators(tmp_path: Path) -> None:
    cases = waves()
    X, y = list(cases.inputs), list(cases.target_values())
    given = {"hidden": 3, "epochs": 2, "threads": 1}
    found = recurra.tune(
        X,
        y,
        out=tmp_path / "out",
        trials=2,
        space={"learning_rate": "0.01..0.1:log", "cell": ["gru", "lstm"], "residual": None},
        only=True,
        **given,
    )
    best = found["best"]
    assert best is not None
    assert set(best["settings"]) == {"learning_rate", "cell", "residual"}
    classifier = recurra.SequenceClassifier(**given, **best["settings"]).fit(X, y)
    assert classifier.history_[best["best_epoch"] - 1]["metric"] == best["value"]


def test_a_pair_judges(tmp_path: Path) -> None:
    cases, held = waves(), waves(10, seed=3)
    found = recurra.tune(
        list(cases.inputs),
        list(cases.target_values()),
        out=tmp_path / "out",
        trials=1,
        space={"dropout": [0.1]},
        only=True,
        valid=(list(held.inputs), list(held.target_values())),
        hidden=3,
        epochs=1,
    )
    assert found["best"] is not None
    assert (found["best"]["value"] or 0.0) * 10 == round((found["best"]["value"] or 0.0) * 10)


def test_an_empty_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cell: expected at least one value to try, got none"):
        recurra.tune(["a", "b"], [0, 1], out=tmp_path, space={"cell": []})
