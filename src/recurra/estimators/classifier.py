"""The classifier: one class for each sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy.typing as npt
from sklearn.base import ClassifierMixin

from recurra.codecs import Cases, LabelCodec
from recurra.decode import ClassDecoder
from recurra.errors import DataError
from recurra.estimators.estimator import AbstractSequenceEstimator
from recurra.runtime import AbstractModel

if TYPE_CHECKING:
    from recurra.train.progress import Progress

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

    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        valid: Any = None,
        *,
        classes: Any = None,
        progress: Progress | None = None,
    ) -> Self:
        """Go on learning from more sequences; without a model yet, as `fit`.

        Args:
            X: As in `fit`; of the same features and labels.
            y: As in `fit`.
            valid: As in `fit`.
            classes: All labels that will come, as scikit-learn's incremental learners take them;
                the network's size is settled by the first sequences, which must show each of them.
            progress: As in `fit`.

        Raises:
            DataError: a class of `classes` has no sequence yet, or as `SequenceRegressor`'s.
        """
        if classes is not None and not hasattr(self, "model_") and y is not None:
            missing = [label for label in classes if label not in list(y)]
            if missing:
                raise DataError(
                    f"expected at least one sequence of every class at first, got none of "
                    f"{missing[0]!r}: begin with sequences that show all classes"
                )
        return super().partial_fit(X, y, valid, progress=progress)

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
