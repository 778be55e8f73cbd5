"""`evaluate` gives each task's figures under the names that machines rely on."""

import numpy as np
import pytest

from recurra.errors import SpecError
from recurra.metrics import evaluate
from recurra.spec.report import METRICS


def test_names_are_those_of_the_report() -> None:
    two = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    truth = np.array([0, 1, 1])
    assert tuple(evaluate("classify", two, truth)) == METRICS["classify"]
    assert tuple(evaluate("regress", np.ones(3), np.arange(3.0))) == METRICS["regress"]


def test_auc_is_left_out_where_it_does_not_exist() -> None:
    one_class = evaluate("classify", np.array([[0.9, 0.1]]), np.array([0]))
    three = evaluate("classify", np.full((1, 3), 1 / 3), np.array([0]))
    assert set(one_class) == set(three) == set(METRICS["classify"]) - {"auc"}


def test_figures_are_plain_numbers() -> None:
    figures = evaluate("classify", np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0]))
    assert figures["accuracy"] == 0.5
    assert {type(value) for value in figures.values()} == {float}


def test_another_task_is_refused() -> None:
    with pytest.raises(SpecError, match="classify, regress"):
        evaluate("paint", np.ones(1), np.ones(1))
