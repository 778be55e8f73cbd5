"""The classifier: one class for each sequence."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy.typing as npt
from sklearn.base import ClassifierMixin

from recurra.codecs import Cases, LabelCodec
from recurra.decode import ClassDecoder
from recurra.errors import DataError
from recurra.estimators.estimator import AbstractSequenceEstimator
from recurra.runtime import AbstractModel

__all__ = ["SequenceClassifier"]


class SequenceClassifier(ClassifierMixin, AbstractSequenceEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A recurrent network that gives each sequence one class.

    After `fit` (or `load`): `classes_` the labels, rising; `model_` the runtime's model, which
    predicts without torch; `parameters_` how many numbers were learnt; `n_features_in_` channels
    of a series; after `fit` also `history_` (one record an epoch), `n_iter_` (epochs),
    `best_metric_` and `fit_seconds_`.
    """

    _task: ClassVar[str] = "classify"
    _target: ClassVar[Literal["class"]] = "class"

    classes_: npt.NDArray[Any]

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable class of each sequence, in the labels' own type, [N]."""
        answers = self.predict_proba(X)
        decoder = self.model_.decoder
        assert isinstance(decoder, ClassDecoder)  # the task's
        return self.classes_[decoder.choose(answers)]

    def predict_proba(self, X: Any) -> npt.NDArray[Any]:
        """The probability of each class, [N, classes] float64 in the order of `classes_`."""
        answers: npt.NDArray[Any] = self._answers(X)
        return answers

    def predict_set(self, X: Any) -> npt.NDArray[Any]:
        """The classes that cannot be ruled out, [N, classes] bool in the order of `classes_`.

        Of new sequences like the held-out ones, at least the share `coverage` has its true class
        in its set.

        Raises:
            SpecError: the classifier was fitted without `coverage`.
        """
        answers = self.predict_proba(X)
        decoder = self.model_.decoder
        assert isinstance(decoder, ClassDecoder)  # the task's
        return decoder.sets(answers)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Accuracy: the share of the sequences whose class is predicted.

        Args:
            X: As in `fit`.
            y: The true labels; None for a table, which holds its own.
            sample_weight: How much each sequence counts, [N]; None: all the same.
        """
        return float(super().score(X, self._truth(X, y), sample_weight))

    def _cases(self, X: Any, y: Any, *, need_target: bool) -> Cases:
        cases = super()._cases(X, y, need_target=need_target)
        fractions = [v for v in cases.targets or () if isinstance(v, float) and not v.is_integer()]
        if fractions:
            raise DataError(
                f"Unknown label type: expected texts or whole numbers as classes, got "
                f"{fractions[0]}: for quantities take SequenceRegressor"
            )
        return cases

    def _take(self, model: AbstractModel) -> None:
        super()._take(model)
        target = model.codec.target
        assert isinstance(target, LabelCodec)  # the task's
        self.classes_ = target.decode(range(target.size))
