"""What held-out cases taught a model is in its bundle, its figures and its answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import metrics, runtime
from recurra.errors import SettingsError, SpecError
from recurra.estimators import (
    SequenceClassifier,
    SequenceForecaster,
    SequenceRegressor,
    SequenceTagger,
)

SMALL: dict[str, Any] = {"hidden": 6, "epochs": 12, "dropout": 0.0, "valid_fraction": 0.5}


def series(count: int = 240, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Series whose mean says the class, four times in five, and every fourth is of class 1."""
    random = np.random.default_rng(seed)
    y = random.random(count) < 0.25
    shown = np.where(random.random(count) < 0.8, y, ~y)
    x = [random.normal(0.7 * s, 1.0, (int(random.integers(3, 9)), 1)) for s in shown]
    return x, y.astype(int)


def test_temperature_threshold_and_sets_survive_saving(tmp_path: Path) -> None:
    x, y = series()
    model = SequenceClassifier(**SMALL, calibrate=True, tune_threshold=True, coverage=0.8)
    model.fit(x, y)
    decoder = model.model_.decoder
    assert decoder.temperature != 1.0
    assert decoder.doubt is not None
    model.save(tmp_path / "bundle")
    loaded = runtime.load(tmp_path / "bundle")
    assert loaded.decoder == decoder
    new_x, new_y = series(400, seed=1)
    again = SequenceClassifier.load(tmp_path / "bundle")
    np.testing.assert_array_equal(again.predict(new_x), model.predict(new_x))
    sets = again.predict_set(new_x)
    # Of 400 cases at least 0.8 are promised in the mean; four standard errors are 0.08.
    assert sets[np.arange(400), new_y].mean() > 0.72
    said = loaded.object_of(loaded(new_x)[0])
    assert said["prediction"] in said["set"]


def test_calibration_brings_confidence_nearer_to_accuracy() -> None:
    x, y = series(600)
    # Trained for long on few cases it is far too sure of itself.
    many = SMALL | {"epochs": 60, "hidden": 24, "patience": 0, "learning_rate": 0.02}
    plain = SequenceClassifier(**many).fit(x[:200], y[:200], valid=(x[200:400], y[200:400]))
    tempered = SequenceClassifier(**many, calibrate=True)
    tempered.fit(x[:200], y[:200], valid=(x[200:400], y[200:400]))
    told = tempered._origin.calibration
    held = (x[200:400], y[200:400])
    assert told["temperature"] == tempered.model_.decoder.temperature
    assert told["ece_before"] == pytest.approx(metrics.ece(plain.predict_proba(held[0]), held[1]))
    assert told["ece_after"] == pytest.approx(metrics.ece(tempered.predict_proba(held[0]), held[1]))
    assert told["ece_after"] < told["ece_before"]
    assert f"before calibration {told['ece_before']:.4f}" in str(tempered._origin.beside())
    before = metrics.log_loss(plain.predict_proba(x[400:]), y[400:])
    after = metrics.log_loss(tempered.predict_proba(x[400:]), y[400:])
    assert after < before
    np.testing.assert_array_equal(plain.predict(x), tempered.predict(x))


def test_a_tuned_threshold_is_no_worse_on_what_it_was_tuned_on() -> None:
    x, y = series()
    held = (x[120:], y[120:])
    plain = SequenceClassifier(**SMALL).fit(x[:120], y[:120], valid=held)
    tuned = SequenceClassifier(**SMALL, tune_threshold=True).fit(x[:120], y[:120], valid=held)
    answers = plain.predict_proba(x[120:])

    def f1(model: SequenceClassifier) -> float:
        return metrics.macro_f1(answers, y[120:], model.model_.decoder.choose(answers))

    assert f1(tuned) >= f1(plain)


def test_intervals_cover_what_they_promise() -> None:
    random = np.random.default_rng(0)
    x = [random.normal(size=(int(random.integers(3, 9)), 1)) for _ in range(500)]
    y = np.array([100 + 50 * float(row.mean()) + random.normal(0, 5) for row in x])
    model = SequenceRegressor(**SMALL, coverage=0.8).fit(x[:200], y[:200])
    low, high = model.predict_interval(x[200:]).T
    np.testing.assert_allclose((low + high) / 2, model.predict(x[200:]))
    inside = ((low <= y[200:]) & (y[200:] <= high)).mean()
    # 0.8 in the mean over trainings; here 300 new cases and 100 held-out ones each bring an error.
    assert 0.68 < inside < 0.95


def test_sets_of_tags_hold_about_what_was_asked_for(tmp_path: Path) -> None:
    random = np.random.default_rng(3)

    def sentences(count: int) -> tuple[list[list[str]], list[list[str]]]:
        X = [list(random.choice(list("abc"), int(random.integers(4, 9)))) for _ in range(count)]
        # One tag in four is not to be foreseen.
        odd = [[random.random() < 0.25 for _ in x] for x in X]
        y = [
            [str(random.choice(list("ABC"))) if w else t.upper() for t, w in zip(x, o, strict=True)]
            for x, o in zip(X, odd, strict=True)
        ]
        return X, y

    X, y = sentences(120)
    many = SMALL | {"epochs": 8, "learning_rate": 0.03, "coverage": 0.95}
    model = SequenceTagger(**many, crf=False, embedding=4).fit(X, y)
    new_X, new_y = sentences(200)
    figures = model.evaluate(new_X, new_y)
    # Of 1,200 steps; the bundle's own quantile is of 360.
    assert 0.9 < figures["coverage"] <= 1.0
    assert 1.0 <= figures["set_size"] <= 3.0
    sets = model.predict_set(new_X)
    held = [
        row[model.model_.labels.index(tag)]
        for rows, tags in zip(sets, new_y, strict=True)
        for row, tag in zip(rows, tags, strict=True)
    ]
    assert np.mean(held) == pytest.approx(figures["coverage"])
    model.save(tmp_path / "bundle")
    loaded = runtime.load(tmp_path / "bundle")
    answers = loaded([tuple(new_X[0]), tuple(new_X[1])])
    said = loaded.object_of(answers[0])
    assert [[tag in among for tag in "ABC"] for among in said["sets"]] == sets[0].tolist()
    table = loaded.table_of(["p", "q"], answers)
    assert table["set"].to_list()[0] == " ".join(said["sets"][0])
    again = SequenceTagger.load(tmp_path / "bundle")
    assert again.model_.decoder == model.model_.decoder
    session = loaded.session(adapt="tracking")
    for tokens, tags in zip(new_X[:60], new_y, strict=False):
        session.restart()
        for token, tag in zip(tokens, tags, strict=True):
            session.feed(token)
            measured = session.observe(tag)
    assert 0.85 < measured.coverage <= 1.0
    with pytest.raises(SettingsError, match="held-out steps, there are"):
        SequenceTagger(**many | {"coverage": 0.9999, "epochs": 1}).fit(X, y)
    with pytest.raises(SpecError, match="coverage"):
        SequenceTagger(**SMALL | {"epochs": 1}).fit(X, y).predict_set(X)


def test_tracking_holds_its_share_where_the_regime_changes() -> None:
    """Noise of three times the size: limits that stay miss much of it, those that follow do not."""
    random = np.random.default_rng(5)
    wave = 10 + 3 * np.sin(np.arange(900) * 2 * np.pi / 12)
    rows = wave + random.normal(0, np.where(np.arange(900) < 500, 0.5, 1.5))
    model = SequenceForecaster(
        horizon=2, lookback=24, season=12, hidden=8, epochs=4, coverage=0.9, threads=1
    ).fit(rows[:400])
    found = {}
    for adapt in ("none", "tracking"):
        session = model.stream(adapt=adapt)
        for k, row in enumerate(rows[400:]):
            if k:
                session.observe(row)
            session.feed(row)
            if k == 100:
                before = session.measured
        found[adapt] = (session.measured.held - before.held) / (499 - 100)
    assert found["none"] < 0.75
    assert 0.86 < found["tracking"] < 0.94


def test_what_cannot_be_promised_is_refused() -> None:
    x, y = series(40)
    with pytest.raises(SettingsError, match="held-out"):
        SequenceClassifier(**SMALL | {"valid_fraction": 0.0}, calibrate=True).fit(x, y)
    three = SequenceClassifier(**SMALL | {"epochs": 1}, tune_threshold=True)
    with pytest.raises(SettingsError, match="two classes, there are 3"):
        three.fit(x, np.arange(40) % 3)
    few = SequenceClassifier(**SMALL | {"epochs": 1}, coverage=0.99)
    with pytest.raises(SettingsError, match="at least 99 held-out cases, there are 20"):
        few.fit(x, y)
    numbers = SequenceRegressor(**SMALL | {"epochs": 1}, coverage=0.99)
    with pytest.raises(SettingsError, match="at least 99 held-out cases, there are 20"):
        numbers.fit(x, np.linspace(0, 1, 40))
    with pytest.raises(SpecError, match="coverage"):
        SequenceClassifier(**SMALL | {"epochs": 1}).fit(x, y).predict_set(x)
    with pytest.raises(SpecError, match="coverage"):
        SequenceRegressor(**SMALL | {"epochs": 1}).fit(x, np.linspace(0, 1, 40)).predict_interval(x)
