"""Answers are counted by class and measured by how much they move."""

from types import SimpleNamespace

import numpy as np
import pytest

from recurra.codecs.windows import Cut, Track, Windows
from recurra.spec.batch import Encoded, EncodedList
from recurra.train.doctor.answers import answers_of, class_answers, forecast_answers


def test_each_class_is_counted_as_true_called_and_right():
    found = class_answers(np.array([0, 0, 1, 2]), np.array([0, 1, 1, -1]))
    assert found == {"true": [1, 2], "called": [2, 1], "right": [1, 1]}
    assert class_answers(np.arange(100), np.arange(100)) == {}


def test_tags_are_counted_step_by_step_and_other_tasks_are_silent():
    truth = EncodedList([Encoded({"x": np.zeros(3), "y": np.array([0, 1, 1])}, {})])
    found = answers_of("tag", [np.array([0, 0, 1])], truth, None)
    assert found["right"] == [1, 1]
    assert answers_of("transduce", ["a"], truth, None) == {}


def test_a_line_moves_by_nothing():
    values = np.sin(np.arange(80.0))[:, None]
    track = Track("a", values, values, np.zeros(1), np.ones(1), None)
    origins = np.stack([np.zeros(40, np.int64), np.arange(40) + 10], axis=1)
    windows = Windows([track], origins, Cut(targets=1, width=1, lookback=8, horizon=4))
    line = [SimpleNamespace(points=np.ones((4, 1))) for _ in range(40)]
    right = [SimpleNamespace(points=p) for p in windows.truth(np.arange(40))]
    told = forecast_answers(line, windows)
    assert told["moves"] == 0.0
    # What differs of a constant forecast is the last value, not what is put on top of it.
    last = [SimpleNamespace(points=np.repeat(windows.past([k], 1)[0], 4, 0)) for k in range(40)]
    assert forecast_answers(last, windows)["differs"] == pytest.approx(0.0, abs=1e-12)
    found = forecast_answers(right, windows)
    assert found["moves"] == pytest.approx(found["true_moves"])
