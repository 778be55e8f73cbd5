"""Baselines read what they say they read, learn from the training part alone, and answer sanely."""

import numpy as np
import pytest

from recurra.codecs import Cases, cases_from_arrays
from recurra.spec.settings import Settings
from recurra.train.baselines import baselines_of, flattened, last_values, summaries
from recurra.train.compare_material import material_of


def found(cases: Cases, test: Cases, **changes: object) -> dict[str, dict[str, float]]:
    material = material_of(cases, Settings.from_flat(changes), test=test)
    return {baseline.name: dict(baseline.figures) for baseline in baselines_of(material)}


def sequences(seed: int, count: int = 80) -> tuple[list[np.ndarray], np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.normal(size=(int(random.integers(3, 7)), 2)) for _ in range(count)], random


def test_each_baseline_sees_what_it_says() -> None:
    """The class is the sign of the last value, of one step, or of the mean: one baseline each."""
    x, _ = sequences(0, 300)
    other, _ = sequences(1, 300)
    for pick, name in (
        (lambda v: v[-1, 0], "last_value"),
        (lambda v: v[1, 1], "linear"),
        (lambda v: v[:, 0].mean(), "logistic"),
    ):
        train, test = (
            cases_from_arrays(part, [str(pick(v) > 0) for v in part]) for part in (x, other)
        )
        figures = found(train, test)
        best = max(figures, key=lambda n: figures[n]["accuracy"])
        assert best == name
        assert figures[name]["accuracy"] > 0.9
        assert figures["majority"]["accuracy"] < 0.65


def test_numbers_have_the_mean_and_ridge_regressions() -> None:
    x, _ = sequences(0, 200)
    other, _ = sequences(1)
    train, test = (cases_from_arrays(p, [3 * float(v[-1, 0]) + 1 for v in p]) for p in (x, other))
    figures = found(train, test)
    assert set(figures) == {"mean", "last_value", "linear", "ridge"}
    assert figures["last_value"]["mse"] < 1e-3
    assert figures["mean"]["mse"] > 5


def test_texts_are_counted() -> None:
    texts = [f"{'good' if k % 2 else 'bad'} film number {k}" for k in range(60)]
    cases = cases_from_arrays(texts, ["+" if k % 2 else "-" for k in range(60)])
    figures = found(cases.subset(range(40)), cases.subset(range(40, 60)))
    assert set(figures) == {"majority", "tfidf"}
    assert figures["tfidf"]["accuracy"] == 1.0


def test_holes_are_left_out() -> None:
    """A value that was not observed changes no summary but the share and the last one observed."""
    x = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    cases = cases_from_arrays([x], ["a"])
    row = summaries(cases)[0]
    mean, spread, least, largest, first, last, slope, share = row[:-1].reshape(8, 2)[:, 0]
    assert (mean, spread, least, largest, first, last) == (2, 1, 1, 3, 1, 3)
    assert (share, row[-1]) == (pytest.approx(2 / 3), 3)
    assert slope == pytest.approx(0.5), row
    assert np.isnan(last_values(cases)[0, 1])
    assert np.isnan(row[:-1].reshape(8, 2)[:6, 1]).all()


def test_steps_stand_side_by_side() -> None:
    cases = cases_from_arrays([np.array([[1.0], [2.0], [3.0]]), np.array([[4.0]])], ["a", "b"])
    assert flattened(cases, 2)[0].tolist() == [1.0, 2.0]
    assert np.isnan(flattened(cases, 2)[1, 1])


def test_scores_of_cases_average_to_the_figure() -> None:
    x, _ = sequences(0)
    cases = cases_from_arrays(x, [str(v[0, 0] > 0) for v in x])
    for baseline in baselines_of(material_of(cases, Settings())):
        assert baseline.scores is not None
        assert np.mean(baseline.scores) == pytest.approx(baseline.figures["accuracy"])
