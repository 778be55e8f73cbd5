"""The figures of classification are scikit-learn's, ties and absent classes included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as peer

from recurra.errors import ShapeError
from recurra.metrics import accuracy, auc, class_table, ece, log_loss, macro_f1


def draw_case(seed: int, classes: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities on a coarse grid, so that ties happen."""
    random = np.random.default_rng(seed)
    cases = int(random.integers(1, 40))
    weights = random.integers(0, levels, (cases, classes)) + 1e-3
    return weights / weights.sum(axis=1, keepdims=True), random.integers(0, classes, cases)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(2, 50))
def test_figures_agree_with_scikit_learn(seed: int, classes: int, levels: int) -> None:
    answers, truth = draw_case(seed, classes, levels)
    called = answers.argmax(axis=1)
    columns = list(range(classes))
    assert accuracy(answers, truth) == pytest.approx(peer.accuracy_score(truth, called))
    expected = peer.f1_score(truth, called, average="macro", zero_division=0)
    assert macro_f1(answers, truth) == pytest.approx(expected)
    expected = peer.log_loss(truth, answers, labels=columns)
    assert log_loss(answers, truth) == pytest.approx(expected)
    table = class_table(answers, truth)
    expected = peer.precision_recall_fscore_support(truth, called, labels=columns, zero_division=0)
    for k, row in enumerate(table):
        figures = (row.precision, row.recall, row.f1, row.support)
        assert figures == pytest.approx([part[k] for part in expected])
        assert row.called == (called == k).sum()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 50))
def test_auc_agrees_with_scikit_learn_ties_included(seed: int, levels: int) -> None:
    answers, truth = draw_case(seed, 2, levels)
    if len(set(truth.tolist())) == 1:
        assert auc(answers, truth) is None
    else:
        assert auc(answers, truth) == pytest.approx(peer.roc_auc_score(truth, answers[:, 1]))


def test_certainty_in_the_wrong_class_costs_a_finite_loss() -> None:
    loss = log_loss(np.array([[1.0, 0.0]]), np.array([1]))
    assert loss == pytest.approx(-np.log(np.finfo(float).eps))
    assert log_loss(np.array([[1.0, 0.0]]), np.array([0])) < 1e-15


@pytest.mark.parametrize(
    ("answers", "truth"),
    [
        (np.zeros((2, 3)), np.zeros(3, int)),
        (np.zeros(3), np.zeros(3, int)),
        (np.zeros((0, 3)), np.zeros(0, int)),
        (np.zeros((2, 3)), np.array([0, 3])),
        (np.zeros((2, 3)), np.array([0, -1])),
        (np.zeros((2, 3)), np.array([0.0, 1.0])),
    ],
)
def test_arrays_that_do_not_fit_are_refused(answers: np.ndarray, truth: np.ndarray) -> None:
    for figure in (accuracy, macro_f1, log_loss):
        with pytest.raises(ShapeError, match="class ind"):
            figure(answers, truth)


def test_auc_is_for_two_classes() -> None:
    with pytest.raises(ShapeError, match="two classes"):
        auc(np.zeros((2, 3)), np.zeros(2, int))


def test_the_calibration_error_is_the_gap_of_each_bin() -> None:
    answers = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.55, 0.45]])
    truth = np.array([0, 1, 1, 0])
    wanted = (abs(2 * 0.9 - 1) + abs(0.8 - 1) + abs(0.55 - 1)) / 4
    assert ece(answers, truth) == pytest.approx(wanted)
    sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert ece(sure, np.array([0, 1])) == 0.0
    assert ece(sure, np.array([1, 0])) == 1.0
