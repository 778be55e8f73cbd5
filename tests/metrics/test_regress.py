"""The figures of regression are scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as peer

from recurra.errors import ShapeError
from recurra.metrics import mae, mse, r2


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_figures_agree_with_scikit_learn(seed: int, width: int) -> None:
    random = np.random.default_rng(seed)
    shape = (int(random.integers(2, 30)), *([width] if width else []))
    truth = random.integers(-2, 3, shape).astype(float)
    answers = truth + random.normal(0, 1, shape) * random.integers(0, 2)
    assert mse(answers, truth) == pytest.approx(peer.mean_squared_error(truth, answers))
    assert mae(answers, truth) == pytest.approx(peer.mean_absolute_error(truth, answers))
    assert r2(answers, truth) == pytest.approx(peer.r2_score(truth, answers))


def test_r2_of_a_constant_truth_is_one_for_exact_answers_and_else_zero() -> None:
    assert r2(np.array([2.0, 2.0]), np.array([2.0, 2.0])) == 1.0
    assert r2(np.array([2.0, 2.1]), np.array([2.0, 2.0])) == 0.0
    assert r2(np.array([5.0]), np.array([5.0])) == 1.0


@pytest.mark.parametrize(
    "shapes", [((2,), (3,)), ((0,), (0,)), ((2, 1), (2,)), ((1, 1, 1), (1, 1, 1))]
)
def test_arrays_that_do_not_fit_are_refused(shapes: tuple[tuple[int, ...], ...]) -> None:
    answers, truth = (np.zeros(shape) for shape in shapes)
    for figure in (mse, mae, r2):
        with pytest.raises(ShapeError, match="of one shape"):
            figure(answers, truth)
