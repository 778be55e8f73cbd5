"""Scales, memory, leaks and copies are measured right on series that are made for it."""

import numpy as np
import pytest

from recurra.codecs import cases_from_arrays, fit_codec
from recurra.spec.batch import EncodedList
from recurra.spec.settings import Settings
from recurra.train.doctor import material

RANDOM = np.random.default_rng(0)


def cases(inputs, targets):
    return cases_from_arrays(inputs, targets)


def encoded(given):
    return EncodedList(fit_codec(given, Settings().data, "classify").encode_cases(given))


def test_ordinary_values_lie_near_a_deviation_unless_a_few_make_it():
    normal = RANDOM.normal(size=5000)
    assert material.spread_of(normal) == pytest.approx(0.67, abs=0.05)
    assert material.spread_of(np.where(RANDOM.random(5000) < 0.02, 1.0, 0.0)) > 1
    wild = normal.copy()
    wild[:5] = 1e6
    assert material.spread_of(wild) < 1e-3
    assert material.spread_of(np.zeros(10)) == 0.0


def test_inputs_are_measured_column_by_column():
    x = [RANDOM.normal(size=(20, 2)) for _ in range(50)]
    x[0][0, 1] = 1e7
    seen = material.inputs_of(encoded(cases(x, ["a", "b"] * 25)), ("calm", "wild"))
    assert seen["column"] == "wild"
    assert seen["typical"] < 0.01
    assert seen["deviations"] == pytest.approx([1.0, 1.0], abs=0.01)
    assert seen["memory"] == 1


def test_slow_series_remember_themselves():
    slow = [np.sin(np.arange(60)[:, None] / 10 + phase) for phase in RANDOM.uniform(0, 6, 40)]
    assert 8 <= material.inputs_of(encoded(cases(slow, ["a", "b"] * 20)), ())["memory"] <= 20


def test_relevance_stands_where_the_truth_does():
    truth = np.arange(200) % 2
    x = [RANDOM.normal(size=(24, 1)) for _ in truth]
    for series, y in zip(x, truth, strict=True):
        series[3] += 3 * y
    found = material.relevance_of(encoded(cases(x, truth.tolist())), truth, classes=True)
    best = max(found, key=lambda entry: entry[1])
    assert best[0] == 20
    assert best[1] > 0.5
    assert np.mean([share for distance, share in found if distance != 20]) < 0.02


def test_a_leak_is_found_with_its_column_and_figure():
    truth = np.arange(60) % 3
    x = [RANDOM.normal(size=(9, 2)) for _ in truth]
    for series, y in zip(x, truth, strict=True):
        series[-1, 1] = y
    found = material.leak_of(cases(x, truth.tolist()), truth, classes=True)
    assert (found["column"], found["figure"]) == ("x1", "last value")
    assert found["others"] == ["x0"]
    assert found["explained"] == pytest.approx(1.0)
    clean = material.leak_of(cases([s[:-1] for s in x], truth.tolist()), truth, classes=True)
    assert clean["explained"] < 0.3


def test_copies_are_counted():
    x = [RANDOM.normal(size=(5, 1)) for _ in range(10)]
    train, held = cases(x, list("ab" * 5)), cases([x[0], x[1], x[2] + 1, x[3] + 1], list("abab"))
    assert material.duplicates(train, held) == 0.5
    assert material.some(10).tolist() == list(range(10))
    assert len(material.some(10_000)) == material.MOST_CASES
