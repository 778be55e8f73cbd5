"""The regressor: one number for each sequence."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy.typing as npt
from sklearn.base import RegressorMixin

from recurra.estimators.estimator import AbstractSequenceEstimator
from recurra.runtime import RowModel

__all__ = ["SequenceRegressor"]


class SequenceRegressor(RegressorMixin, AbstractSequenceEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A recurrent network that gives each sequence one number.

    After `fit` (or `load`): `model_` the runtime's model, which predicts without torch;
    `parameters_` how many numbers were learnt; `n_features_in_` channels of a series; after `fit`
    also `history_` (one record an epoch), `n_iter_` (epochs), `best_metric_` and `fit_seconds_`.
    """

    _task: ClassVar[Literal["regress"]] = "regress"
    _target: ClassVar[Literal["number"]] = "number"

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The number of each sequence, [N] float64 in the target's unit."""
        answers: npt.NDArray[Any] = self._answers(X)
        return answers

    def predict_interval(self, X: Any) -> npt.NDArray[Any]:
        """Between which numbers the truth is expected, [N, 2] float64 in the target's unit.

        Of new sequences like the held-out ones, at least the share `coverage` has its true number
        in its interval.

        Raises:
            SpecError: the regressor was fitted without `coverage`.
        """
        answers = self.predict(X)
        model = self.model_
        assert isinstance(model, RowModel)  # the task's
        return model.intervals(answers)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """R squared: the share of the targets' variance that the predictions explain.

        Args:
            X: As in `fit`.
            y: The true numbers; None for a table, which holds its own.
            sample_weight: How much each sequence counts, [N]; None: all the same.
        """
        return float(super().score(X, self._truth(X, y), sample_weight))
