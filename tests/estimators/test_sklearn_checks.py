"""scikit-learn's own estimator checks hold, the part of them that sequences allow.

Those checks give tables. `Rows` below reads each row of a table as a sequence of one step, so that
everything that is not about the form of X is checked on the estimators themselves.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from scipy.sparse import coo_array
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import estimator_checks_generator

from recurra import SequenceClassifier, SequenceRegressor
from recurra.errors import DataError, ShapeError


def one_step(X: Any) -> Any:
    X = np.asarray(X)
    return X[:, None, :] if X.ndim == 2 else X


class Rows:
    def fit(self, X: Any, y: Any = None) -> Any:
        return super().fit(one_step(X), y)  # type: ignore[misc]  # of the estimator beside it

    def partial_fit(self, X: Any, y: Any = None, **more: Any) -> Any:
        return super().partial_fit(one_step(X), y, **more)  # type: ignore[misc]  # of the estimator beside it

    def predict(self, X: Any) -> Any:
        return super().predict(one_step(X))  # type: ignore[misc]  # of the estimator beside it

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]  # of the estimator beside it
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = False
        tags.input_tags.string = False
        return tags


class RowClassifier(Rows, SequenceClassifier):
    def predict_proba(self, X: Any) -> Any:
        return super().predict_proba(one_step(X))


class RowRegressor(Rows, SequenceRegressor):
    pass


SENTENCE = "is refused, with a sentence of ours instead of scikit-learn's: "
LEFT_OUT = {
    "check_complex_data": SENTENCE + "complex numbers are no labels and no readings",
    "check_dtype_object": "an array of objects " + SENTENCE + "axes are never guessed",
    "check_estimators_empty_data_messages": SENTENCE + "no channel, or no case",
    "check_estimator_sparse_tag": "a sequence has no sparse form; it " + SENTENCE + "see above",
    "check_estimator_sparse_array": "a sequence has no sparse form; it " + SENTENCE + "see above",
    "check_estimator_sparse_matrix": "a sequence has no sparse form; it " + SENTENCE + "see above",
    "check_supervised_y_2d": "y [N, 1] is refused rather than reshaped: axes are never guessed",
    "check_class_weight_classifiers": "class_weight is a word, none or balanced, never a dict",
    "check_fit2d_1sample": "one case " + SENTENCE + "one class only, a constant column",
    "check_fit2d_predict1d": "other axes " + SENTENCE + "it names the axes of sequences",
    "check_n_features_in_after_fitting": "another number of channels " + SENTENCE + "it names C",
}


def checks(estimator: BaseEstimator) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [check for _, check in estimator_checks_generator(estimator)]


def name_of(check: Any) -> str:
    name: str = check.func.__name__ if hasattr(check, "func") else check.__name__
    return name


SMALL: dict[str, Any] = {"hidden": 8, "threads": 1, "valid_fraction": 0.0, "epochs": 1}
QUICK: dict[str, Any] = {"epochs": 10, "batch_size": 64, "learning_rate": 0.1}
ESTIMATORS = (RowClassifier(**SMALL), RowRegressor(**SMALL))
# A check appears once for each of its variants.
CASES = [
    pytest.param(estimator, check, id=f"{type(estimator).__name__}-{k}-{name_of(check)}")
    for estimator in ESTIMATORS
    for k, check in enumerate(checks(estimator))
    if not name_of(check).startswith("check_array_api")  # needs SCIPY_ARRAY_API, set before scipy
]


@pytest.mark.filterwarnings("ignore")  # the checks hand in what scikit-learn warns of
@pytest.mark.parametrize(("estimator", "check"), CASES)
def test_scikit_learn_s_check(estimator: BaseEstimator, check: Any) -> None:
    if name_of(check).endswith("_train"):  # these ask how well it has learnt
        estimator = type(estimator)(**SMALL | QUICK)
    if name_of(check) in LEFT_OUT:
        # They fail today, and this list has to follow when they no longer do.
        with pytest.raises((AssertionError, ValueError)):
            check(estimator)
        return
    check(estimator)


def test_what_is_left_out_is_still_a_check() -> None:
    assert set(LEFT_OUT) <= {name_of(check) for e in ESTIMATORS for check in checks(e)}


GOOD = np.arange(24.0).reshape(4, 3, 2) % 7
LABELS = [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (GOOD * 1j, LABELS),
        (GOOD, [1j, 0, 1, 0]),
        (GOOD.astype(object), LABELS),
        (GOOD[:, :0], LABELS),
        (GOOD[:, :, :0], LABELS),
        (GOOD[:0], []),
        (np.where(GOOD == 3, -np.inf, GOOD), LABELS),
        (coo_array(GOOD[:, 0]), LABELS),
        (GOOD, np.array(LABELS)[:, None]),
        (GOOD[:1], [0]),
        (GOOD[0, 0], LABELS),
        (GOOD, LABELS[:3]),
    ],
)
def test_what_those_checks_ask_for_is_refused(X: Any, y: Any) -> None:
    for estimator in (SequenceClassifier(**SMALL), SequenceRegressor(**SMALL)):
        with pytest.raises((DataError, ShapeError)):
            estimator.fit(X, y)
        assert not hasattr(estimator, "model_")


def test_nan_is_a_missing_value_and_said() -> None:
    X = np.where(GOOD == 3, np.nan, GOOD)
    for estimator in (SequenceClassifier(**SMALL), SequenceRegressor(**SMALL)):
        assert estimator.__sklearn_tags__().input_tags.allow_nan
        with pytest.warns(UserWarning, match=r"missing values: x1 .*; missing='auto' carries"):
            estimator.fit(X, LABELS)
        assert np.isfinite(np.asarray(estimator.predict(X), float)).all()
        # Asked for by name it needs no warning.
        estimator.set_params(missing="mask").fit(X, LABELS)


def test_another_number_of_channels_is_refused() -> None:
    model = SequenceClassifier(**SMALL).fit(GOOD, LABELS)
    with pytest.raises(DataError, match="expected 2 features"):
        model.predict(GOOD[:, :, :1])


def test_sequences_say_that_tables_are_not_theirs() -> None:
    for estimator in (SequenceClassifier(), SequenceRegressor()):
        tags = estimator.__sklearn_tags__()
        assert not tags.input_tags.two_d_array
        assert tags.input_tags.three_d_array
        assert tags.target_tags.required
