"""What needs no network finds what is linear and nothing where there is nothing."""

import numpy as np
import pytest

from recurra.codecs import cases_from_arrays
from recurra.spec.batch import Encoded, EncodedList
from recurra.train.doctor.naive import naive_rows, naive_symbols, naive_tags

RANDOM = np.random.default_rng(1)


def parts(x, y, classes):
    train, held = (
        cases_from_arrays(x[:150], y[:150].tolist()),
        cases_from_arrays(x[150:], y[150:].tolist()),
    )
    return naive_rows(train, held, y[:150], y[150:], classes)


def test_classes_that_lie_apart_are_found_and_others_are_not():
    y = np.arange(250) % 2
    x = [RANDOM.normal(size=(12, 2)) + k for k in y]
    found = parts(x, y, 2)
    assert found["majority"]["balanced"] == 0.5
    assert found["linear"]["balanced"] > 0.97
    assert parts(x, RANDOM.permutation(y), 2)["linear"]["balanced"] == pytest.approx(0.5, abs=0.15)


def test_a_rare_class_is_found_once_each_has_the_same_chance():
    y = (np.arange(250) % 10 == 0).astype(int)
    x = [RANDOM.normal(size=(12, 2)) + 0.5 * k for k in y]
    found = parts(x, y, 2)["linear"]
    assert found["balanced"] > 0.7
    assert found["accuracy"] >= 0.85


def test_numbers_that_hang_on_the_steps_are_found():
    x = [RANDOM.normal(size=(12, 2)) for _ in range(250)]
    y = np.array([s[3, 0] - s[5, 1] for s in x])
    found = parts(x, y, None)
    assert found["linear"]["mse"] < 0.2 * found["mean"]["mse"]
    noise = parts(x, RANDOM.normal(size=250), None)
    assert noise["linear"]["mse"] > 0.8 * noise["mean"]["mse"]


def test_missing_values_do_not_spread():
    x = [RANDOM.normal(size=(12, 2)) + k % 2 for k in range(250)]
    for series in x:
        series[0, 0] = np.nan
    x[0][:, 1] = np.nan
    assert parts(x, np.arange(250) % 2, 2)["linear"]["accuracy"] > 0.9


def test_tags_that_hang_on_their_word_are_found():
    def sequences(count):
        for _ in range(count):
            x = RANDOM.integers(1, 9, 10)
            yield Encoded({"x": x, "y": x % 3}, {})

    train, held = EncodedList(sequences(60)), EncodedList(sequences(20))
    found = naive_tags(train, held, 3)
    assert found["symbol"]["accuracy"] == 1.0
    assert found["majority"]["accuracy"] < 0.6


def test_pairs_of_symbols_are_counted_beside_single_ones():
    x = np.arange(400) % 7
    case = EncodedList([Encoded({"x": x[:-1], "y": x[1:]}, {})])
    found = naive_symbols(case, case, [np.array([0])], [np.array([0])])
    assert found["symbol"]["nll"] == pytest.approx(np.log(7), abs=0.01)
    assert found["pair"]["nll"] < 0.2
