"""An estimator keeps scikit-learn's contract on sequences and answers as its bundle does."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn.exceptions
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from recurra import SequenceClassifier, SequenceRegressor, errors, runtime
from recurra.estimators.parameters import fields_of
from recurra.spec.report import EpochRecord
from recurra.spec.settings import Settings
from recurra.train.progress import Silent

Waves = Callable[..., tuple[list[Any], Any]]
Small = dict[str, Any]


def test_parameters_are_visible_with_their_defaults() -> None:
    for estimator in (SequenceClassifier, SequenceRegressor):
        shown = inspect.signature(estimator).parameters
        assert list(shown) == list(fields_of(estimator._task))
        assert estimator().get_params() == {name: Settings().flat()[name] for name in shown}
        assert "    hidden: Units of a layer, H." in (estimator.__doc__ or "")


def test_parameters_are_keywords_and_known() -> None:
    with pytest.raises(TypeError):
        SequenceClassifier("gru")  # type: ignore[call-arg]  # what is tested
    with pytest.raises(errors.SettingsError, match="did you mean 'hidden'"):
        SequenceClassifier(hiden=3)  # type: ignore[call-arg]  # what is tested
    with pytest.raises(errors.SettingsError, match="did you mean 'epochs'"):
        SequenceClassifier().set_params(epoch=3)


def test_a_value_out_of_range_is_refused_when_it_is_used(waves: Waves) -> None:
    estimator = SequenceClassifier(hidden=0)
    with pytest.raises(errors.SettingsError, match="hidden"):
        estimator.fit(*waves(8))


def test_a_clone_has_the_parameters_and_nothing_learnt(fitted: SequenceClassifier) -> None:
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "model_")
    assert repr(copy) == repr(fitted)
    assert "hidden=8" in repr(copy)


def test_what_was_learnt_ends_in_an_underscore(fitted: SequenceClassifier) -> None:
    assert fitted.n_features_in_ == 2
    assert fitted.n_iter_ == 3
    assert set(fitted.history_[0]) == set(EpochRecord.__annotations__)
    assert fitted.parameters_ == sum(w.size for w in fitted.model_.parts.weights.values())
    assert 0 <= fitted.best_metric_ <= 1
    assert fitted.fit_seconds_ > 0


@pytest.mark.parametrize("estimator", [SequenceClassifier, SequenceRegressor])
def test_unfitted_estimators_say_so_in_both_languages(
    estimator: type[SequenceClassifier | SequenceRegressor], waves: Waves, tmp_path: Path
) -> None:
    calls = (
        lambda e: e.predict(waves(2)[0]),
        lambda e: e.stream(),
        lambda e: e.save(tmp_path / "x"),
    )
    for call in calls:
        for error in (errors.NotFittedError, sklearn.exceptions.NotFittedError):
            with pytest.raises(error, match="not fitted yet"):
                call(estimator())


def test_the_bundle_answers_with_the_same_bits(
    fitted: SequenceClassifier, waves: Waves, tmp_path: Path
) -> None:
    X, _ = waves(12, seed=1)
    fitted.save(tmp_path / "bundle")
    mine = fitted.predict_proba(X)
    assert runtime.load(tmp_path / "bundle")(X).tobytes() == mine.tobytes()
    loaded = SequenceClassifier.load(tmp_path / "bundle")
    assert loaded.predict_proba(X).tobytes() == mine.tobytes()
    assert list(loaded.predict(X)) == list(fitted.predict(X))
    loaded.save(tmp_path / "again")
    assert runtime.load(tmp_path / "again")(X).tobytes() == mine.tobytes()


def test_a_stream_ends_at_the_same_bits(fitted: SequenceClassifier, waves: Waves) -> None:
    (x,), _ = waves(1, seed=2)
    session = fitted.stream()
    for observation in x:
        answer = session.feed(observation)
    assert answer.tobytes() == fitted.predict_proba([x])[0].tobytes()


def test_nothing_is_overwritten_unasked(fitted: SequenceClassifier, tmp_path: Path) -> None:
    fitted.save(str(tmp_path / "bundle"))
    before = {path.name: path.read_bytes() for path in (tmp_path / "bundle").iterdir()}
    with pytest.raises(errors.OutputError, match="exists"):
        fitted.save(tmp_path / "bundle")
    assert {path.name: path.read_bytes() for path in (tmp_path / "bundle").iterdir()} == before
    fitted.save(tmp_path / "bundle", force=True)
    SequenceClassifier.load(tmp_path / "bundle")


def test_a_bundle_of_another_task_is_refused(fitted: SequenceClassifier, tmp_path: Path) -> None:
    fitted.save(tmp_path / "bundle")
    with pytest.raises(errors.BundleError, match="made for the task 'classify'"):
        SequenceRegressor.load(tmp_path / "bundle")


def test_prediction_needs_no_torch(fitted: SequenceClassifier, tmp_path: Path) -> None:
    fitted.save(tmp_path / "bundle")
    run = (
        "import sys, numpy as np; from recurra import SequenceClassifier;"
        f"model = SequenceClassifier.load({str(tmp_path / 'bundle')!r});"
        "model.predict([np.zeros((3, 2))]); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", run], check=False).returncode == 0


def test_axes_are_as_the_layout_says(waves: Waves, small: Small) -> None:
    X, y = waves(16)
    cut = np.stack([x[:6] for x in X])
    one = SequenceClassifier(**small).fit(cut, y)
    other = SequenceClassifier(**small, layout="nct").fit(cut.transpose(0, 2, 1), y)
    third = SequenceClassifier(**small, layout="nct").fit([x[:6].T for x in X], y)
    expected = one.predict_proba(cut).tobytes()
    assert other.predict_proba(cut.transpose(0, 2, 1)).tobytes() == expected
    assert third.predict_proba([x[:6].T for x in X]).tobytes() == expected
    with pytest.raises(errors.ShapeError, match=r"\[N, T, C\]"):
        one.fit(cut[:, :, 0], y)


def test_the_same_seed_learns_the_same(
    fitted: SequenceClassifier, waves: Waves, small: Small
) -> None:
    again = SequenceClassifier(**small).fit(*waves(32))
    other = SequenceClassifier(**small, seed=1).fit(*waves(32))
    X, _ = waves(5, seed=3)
    assert again.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()
    assert other.predict_proba(X).tobytes() != fitted.predict_proba(X).tobytes()


def test_held_out_sequences_can_be_named(waves: Waves, small: Small) -> None:
    X, y = waves(16)
    held = waves(4, seed=5)
    model = SequenceClassifier(**small).fit(X, y, valid=held)
    assert model.best_metric_ == model.score(*held)
    with pytest.raises(errors.DataError, match="seen in training"):
        SequenceClassifier(**small).fit(X, y, valid=(held[0], ["slow", "fast", "slow", "new"]))


def test_progress_is_told_of_every_epoch(waves: Waves, small: Small) -> None:
    seen: list[int] = []

    class Watcher(Silent):
        def on_epoch(self, record: EpochRecord, best: bool) -> None:
            seen.append(record["epoch"])

    SequenceClassifier(**small).fit(*waves(16), progress=Watcher())
    assert seen == [1, 2, 3]


def frame(X: list[Any], y: Any) -> pl.DataFrame:
    return pl.concat(
        pl.DataFrame(
            {"case": [f"c{i}"] * len(x), "a": x[:, 0], "b": x[:, 1], "speed": [label] * len(x)}
        )
        for i, (x, label) in enumerate(zip(X, y, strict=True))
    )


@pytest.mark.parametrize(
    "library",
    [lambda f: f, lambda f: pd.DataFrame(f.to_dict(as_series=False)), lambda f: f.to_arrow()],
    ids=["polars", "pandas", "pyarrow"],
)
def test_tables_of_every_library(
    library: Callable[[pl.DataFrame], Any], waves: Waves, small: Small
) -> None:
    X, y = waves(16)
    table = library(frame(X, y))
    model = SequenceClassifier(**small, id="case", target="speed").fit(table)
    arrays = SequenceClassifier(**small).fit(X, y)
    assert model.predict_proba(table).tobytes() == arrays.predict_proba(X).tobytes()
    assert model.score(table) == arrays.score(X, y)
    assert list(model.predict(library(frame(X, y).drop("speed")))) == list(arrays.predict(X))
    with pytest.raises(errors.DataError, match="leave y out"):
        model.fit(table, y)


@pytest.mark.parametrize("column", [list, np.array, pd.Series, pl.Series, pa.array])
def test_texts(column: Callable[[Any], Any], small: Small) -> None:
    texts = ["a good day", "a bad day", "good", "bad luck"] * 4
    labels = [1, 0, 1, 0] * 4
    model = SequenceClassifier(**small, embedding=4, symbol="word").fit(column(texts), labels)
    assert model.predict(column(texts[:3])).dtype == np.int64
    assert model.predict_proba(texts).shape == (16, 2)
    assert not hasattr(model, "n_features_in_")


def test_cross_validation_with_unequal_lengths(waves: Waves, small: Small) -> None:
    X, y = waves(24)
    scores = cross_val_score(SequenceClassifier(**small), X, y, cv=2, error_score="raise")
    assert scores.shape == (2,)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_grid_search_with_unequal_lengths(waves: Waves, small: Small) -> None:
    X, y = waves(24)
    search = GridSearchCV(
        SequenceClassifier(**small), {"cell": ["gru", "rnn"]}, cv=2, error_score="raise"
    ).fit(X, y)
    assert search.best_params_["cell"] in ("gru", "rnn")
    assert len(search.predict(X)) == 24


def test_labels_are_needed(waves: Waves) -> None:
    with pytest.raises(errors.DataError, match="y to be passed"):
        SequenceClassifier().fit(waves(4)[0])


def drifting(count: int, seed: int, turned: bool = False) -> tuple[list[np.ndarray], np.ndarray]:
    random = np.random.default_rng(seed)
    y = np.arange(count) % 2
    sign = -1 if turned else 1
    return [random.normal(sign * (2 * k - 1), 1, (int(random.integers(5, 9)), 1)) for k in y], y


def test_more_sequences_go_on_from_what_was_learnt() -> None:
    model = SequenceClassifier(hidden=6, epochs=12, learning_rate=0.02, dropout=0.0)
    model.partial_fit(*drifting(60, 0))
    test = drifting(80, 2, turned=True)
    poor, codec = model.score(*test), model.model_.codec
    model.partial_fit(*drifting(100, 1, turned=True))
    assert not model.kept_
    assert model.score(*test) > poor + 0.3
    # Scales and labels are those of the first sequences.
    assert model.model_.codec == codec


def test_weights_that_are_no_worse_are_kept() -> None:
    model = SequenceClassifier(hidden=6, epochs=6, learning_rate=0.5, warmup=0.0, dropout=0.0)
    x, y = drifting(60, 0)
    SequenceClassifier.set_params(model, learning_rate=0.02).fit(x, y)
    before = model.model_.fingerprint
    model.set_params(learning_rate=0.5)
    model.partial_fit(*drifting(40, 1, turned=True), valid=(x, y))
    assert model.kept_
    assert model.model_.fingerprint == before


def test_what_the_model_does_not_know_is_refused() -> None:
    model = SequenceClassifier(hidden=3, epochs=1).fit(*drifting(20, 0))
    x, _ = drifting(20, 0)
    with pytest.raises(errors.DataError, match="seen in training"):
        model.partial_fit(x, np.arange(20) % 3)
    with pytest.raises(errors.DataError, match="at least 2 sequences"):
        model.partial_fit(x[:1], [0])


def test_every_class_is_shown_at_first() -> None:
    x, y = drifting(20, 0)
    with pytest.raises(errors.DataError, match="got none of 2"):
        SequenceClassifier(hidden=3, epochs=1).partial_fit(x, y, classes=[0, 1, 2])
    model = SequenceClassifier(hidden=3, epochs=1).partial_fit(x, y, classes=[0, 1])
    assert model.classes_.tolist() == [0, 1]
