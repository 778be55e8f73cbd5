"""The tagger: one label for each step of each sequence."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from recurra.codecs import Cases, Label, read_cases
from recurra.codecs.read_tags import tag_cases_from_arrays
from recurra.codecs.tokens import TokenCodec
from recurra.errors import SpecError
from recurra.estimators.estimator import AbstractSequenceEstimator
from recurra.runtime import AbstractModel
from recurra.runtime.models.tag import TagModel

__all__ = ["SequenceTagger"]


class SequenceTagger(AbstractSequenceEstimator):
    """A recurrent network that gives each step of a sequence a label.

    X is a list of sequences, each a list of tokens, a text (cut by `symbol`) or an array [T, C]; or
    a table with a label a row. y is a list of labels for each sequence. Labels such as B-ORG, I-ORG
    and O spell spans, in any of the schemes.

    After `fit` (or `load`): `classes_` the labels, rising; `scheme_` how they spell spans; `model_`
    the runtime's model, which predicts without torch; `parameters_` how many numbers were learnt;
    `n_features_in_` channels of a series; after `fit` also `history_` (one record an epoch),
    `n_iter_` (epochs), `best_metric_` (entity F1, or accuracy without spans) and `fit_seconds_`.
    """

    _task: ClassVar[str] = "tag"

    model_: TagModel
    classes_: npt.NDArray[Any]
    scheme_: str

    def predict(self, X: Any) -> list[list[Label]]:
        """The label of each step of each sequence, in the labels' own type."""
        found: list[list[Label]] = self._tagging().predict(self._unlabelled(X))
        return found

    def predict_proba(self, X: Any) -> list[npt.NDArray[np.float64]]:
        """The probability of each label at each step given the whole sequence, [T, classes] each.

        With a CRF and a scheme these are the marginals over all paths that the scheme allows.
        """
        cases = self._unlabelled(X)
        found: list[npt.NDArray[np.float64]] = self._tagging().probabilities(cases)
        return found

    def predict_set(self, X: Any) -> list[npt.NDArray[np.bool_]]:
        """The labels that cannot be ruled out at each step, [T, classes] bool each.

        Of the held-out steps the share `coverage` had its true label in its set; `evaluate` says
        how many of other steps have. Steps of one sequence depend on one another, so that no
        coverage of a single sequence is promised.

        Raises:
            SpecError: the tagger was fitted without `coverage`.
        """
        model = self._tagging()
        if model.decoder.doubt is None:
            raise SpecError("this model has no sets: train it with coverage=0.9 or the like")
        return [answer.sets for answer in model(self._unlabelled(X))]

    def evaluate(self, X: Any, y: Any = None) -> dict[str, float]:
        """The figures of `recurra evaluate`: accuracy, and entity F1 or macro F1.

        Args:
            X: As in `fit`.
            y: The true labels; None for a table, which holds its own.
        """
        model = self._tagging()
        cases = self._cases(X, y, need_target=True)
        encoded = model.encoded(cases)
        return model.figures(model.answers(encoded), encoded, cases)

    def score(self, X: Any, y: Any = None) -> float:
        """F1 of whole spans where labels spell spans, else the share of the steps that are right.

        Args:
            X: As in `fit`.
            y: The true labels; None for a table, which holds its own.
        """
        figures = self.evaluate(X, y)
        return figures.get("entity_f1", figures["accuracy"])

    def _tagging(self) -> TagModel:
        model = self._fitted()
        assert isinstance(model, TagModel)  # the task's
        return model

    def _cases(self, X: Any, y: Any, *, need_target: bool) -> Cases:
        if hasattr(X, "__arrow_c_stream__") or (need_target and y is None):
            return super()._cases(X, y, need_target=need_target)
        return tag_cases_from_arrays(X, y, settings=self._settings().data)

    def _unlabelled(self, X: Any) -> Cases:
        """The cases to answer; the labels of a table are not read."""
        model = self._tagging()
        if hasattr(X, "__arrow_c_stream__"):
            data = self._settings().data
            return read_cases(X, data, need_target=False, expect=model.codec)
        data, source = self._settings().data, model.codec.input
        if isinstance(source, TokenCodec):
            # A text is cut as those of training were.
            data = data.model_copy(update={"symbol": source.symbol})
        return model.codec.arrange(tag_cases_from_arrays(X, settings=data))

    def _take(self, model: AbstractModel) -> None:
        super()._take(model)
        codec = self._tagging().codec
        self.classes_ = np.array(codec.target.labels)
        self.scheme_ = codec.scheme
