"""What a network must beat to be worth it: baselines of whole sequences, fitted in seconds;
those of single steps are in `sequence_baselines`.

    majority    the shares of the classes (numbers: mean, their mean)
    last_value  a linear model of the last value of each feature
    linear      a linear model of all steps side by side, where they are few enough
    logistic    (numbers: ridge) a linear model of each feature's mean, spread, least, largest,
                first and last value, slope, share observed, and the length
    tfidf       texts: a linear model of the weights of their characters' and words' n-grams

A linear model is a logistic regression for classes and a ridge regression for numbers; its penalty
is the one of a few that does best on the watched part. The sequences are as they were read: a value
that was not observed is left out of the summaries, elsewhere the feature's mean stands in.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from recurra import metrics
from recurra.codecs import Cases, LabelCodec, SequenceCodec
from recurra.train.compare_material import Material
from recurra.train.compare_trial import MEANS, mean_scores
from recurra.train.sequence_baselines import (
    Answered,
    generate_baselines,
    tag_baselines,
    transduce_baselines,
)

__all__ = ["Baseline", "baselines_of", "flattened", "last_values", "summaries"]

Array = npt.NDArray[Any]
# Numbers of a sequence beyond which a linear model of all of them is left out.
_MOST_NUMBERS = 4096
# Strengths that are tried, weakest penalty last.
_STRENGTHS = (0.01, 0.1, 1.0, 10.0)


@dataclass(frozen=True)
class Baseline:
    """What one baseline reaches on the test part.

    Args:
        name: Short.
        about: What it does.
        figures: As a network's.
        scores: Of each test case what it adds to the metric, where that is a mean over cases.
    """

    name: str
    about: str
    figures: Mapping[str, float]
    scores: tuple[float, ...] | None = None


def baselines_of(material: Material) -> list[Baseline]:
    """The baselines of a task; forecasts measure theirs beside every network."""
    codec = material.codec
    counting = _COUNTING.get(material.task.name)
    if counting is not None:
        return [_counted(answered, material.metric[0]) for answered in counting(material)]
    if material.task.name not in ("classify", "regress") or not isinstance(codec, SequenceCodec):
        return []
    classes = codec.target.size if isinstance(codec.target, LabelCodec) else None
    fitting = _Fitting(material, classes)
    train, text = material.train, material.train.kind == "text"
    found = [fitting.majority()]
    if text:
        about = "linear model of TF-IDF weights of n-grams of characters and words"
        return [*found, fitting.linear("tfidf", about, _raw, _tfidf)]
    found.append(fitting.linear("last_value", "linear model of the last values", last_values))
    steps = int(train.lengths.max())
    if steps * len(train.features) <= _MOST_NUMBERS:
        about = "linear model of all steps side by side"
        found.append(fitting.linear("linear", about, lambda cases: flattened(cases, steps)))
    kind = "logistic" if classes else "ridge"
    about = f"{kind} regression on summaries of each feature"
    return [*found, fitting.linear(kind, about, summaries)]


_COUNTING: Mapping[str, Callable[[Material], list[Answered]]] = MappingProxyType(
    {"tag": tag_baselines, "generate": generate_baselines, "transduce": transduce_baselines}
)


def _counted(answered: Answered, metric: str) -> Baseline:
    """With the scores of the cases, where the metric is a mean over them."""
    scores = None
    if answered.wrong is not None and metric in ("word_error_rate", "accuracy"):
        wrong = answered.wrong if metric == "word_error_rate" else ~answered.wrong
        scores = tuple(map(float, wrong))
    return Baseline(answered.name, answered.about, answered.figures, scores)


class _Fitting:
    """Fits on the training part, chooses on the watched one, answers on the test part."""

    def __init__(self, material: Material, classes: int | None) -> None:
        self._task, self._classes = material.task.name, classes
        self._metric, self._sign = material.metric[0], 1 if material.metric[1] == "max" else -1
        self._train, self._valid, self._test = material.train, material.valid, material.test
        self._codec: Any = material.codec

    def majority(self) -> Baseline:
        y = self._truth(self._train)
        if self._classes is None:
            return self._measured("mean", "the mean of the training part", np.full(1, y.mean()))
        shares = np.bincount(y, minlength=self._classes) / len(y)
        return self._measured("majority", "shares of the classes in training", shares[None])

    def linear(
        self,
        name: str,
        about: str,
        features: Callable[[Cases], Any],
        scaling: Callable[[], list[Any]] | None = None,
    ) -> Baseline:
        """A linear model of some features."""
        x, y = features(self._train), self._truth(self._train)
        if self._classes is not None and len(np.unique(y)) < 2:
            # Nothing to part: scikit-learn refuses what the shares already answer.
            shares = np.bincount(y, minlength=self._classes) / len(y)
            return self._measured(name, about, shares[None])
        models = [self._fitted(x, y, strength, scaling or _scaling) for strength in _STRENGTHS]
        best = models[-2]
        if self._valid is not None:
            watched, truth = features(self._valid), self._truth(self._valid)
            best = max(
                models,
                key=lambda m: (
                    self._sign * self._figures(self._answers(m, watched), truth)[self._metric]
                ),
            )
        return self._measured(name, about, self._answers(best, features(self._test)))

    def _fitted(
        self, x: Any, y: Array, strength: float, scaling: Callable[[], list[Any]]
    ) -> Pipeline:
        if self._classes is None:
            model = Ridge(alpha=1 / strength)
        else:
            model = LogisticRegression(C=strength, max_iter=1000)
        with warnings.catch_warnings():
            # A baseline that is not quite at its optimum is still a baseline.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return make_pipeline(*scaling(), model).fit(x, y)

    def _answers(self, model: Pipeline, x: Any) -> Array:
        if self._classes is None:
            values: Array = model.predict(x)
            return values
        answers = np.zeros((len(x), self._classes))
        answers[:, model.classes_] = model.predict_proba(x)
        return answers

    def _measured(self, name: str, about: str, answers: Array) -> Baseline:
        truth = self._truth(self._test)
        answers = np.broadcast_to(answers, (len(truth), *answers.shape[1:]))
        figures = self._figures(answers, truth)
        singles = (self._figures(answers[k : k + 1], truth[k : k + 1]) for k in range(len(truth)))
        scores = None
        if self._metric in MEANS:
            scores = mean_scores(
                (figure.get(self._metric) for figure in singles), figures[self._metric]
            )
        return Baseline(name, about, figures, None if scores is None else tuple(scores))

    def _figures(self, answers: Array, truth: Array) -> dict[str, float]:
        return metrics.evaluate(self._task, answers, truth)

    def _truth(self, cases: Cases) -> Array:
        if self._classes is None:
            return np.array(cases.target_values(), np.float64)
        return np.array([int(case.rows["y"]) for case in self._codec.encode_cases(cases)])


def _raw(cases: Cases) -> Sequence[Any]:
    return cases.inputs


def _scaling() -> list[Any]:
    return [SimpleImputer(keep_empty_features=True), StandardScaler()]


def _tfidf() -> list[Any]:
    words = TfidfVectorizer(
        token_pattern=r"(?u)\S+",  # noqa: S106 - what a word is, no password
        ngram_range=(1, 2),
        sublinear_tf=True,
    )
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
    return [FeatureUnion([("words", words), ("characters", characters)])]


def last_values(cases: Cases) -> Array:
    """The last observed value of each feature, [N, C]; NaN where there is none."""
    return np.stack([_observed(x)[1] for x in cases.inputs])


def flattened(cases: Cases, steps: int) -> Array:
    """The first `steps` steps side by side, [N, steps * C]; NaN where there is nothing."""
    rows = np.full((len(cases), steps, len(cases.features)), np.nan)
    for row, x in zip(rows, cases.inputs, strict=True):
        row[: len(x)] = x[:steps]
    return rows.reshape(len(rows), -1)


def summaries(cases: Cases) -> Array:
    """Of each feature mean, spread, least, largest, first, last, slope and share observed, and
    the length of the sequence, [N, 8 C + 1].
    """
    rows = []
    for x in cases.inputs:
        first, last = _observed(x)
        there = ~np.isnan(x)
        count = np.maximum(there.sum(axis=0), 1)
        mean = np.where(there, x, 0).sum(axis=0) / count
        away = np.where(there, x - mean, 0)
        clock = np.arange(len(x))[:, None] - (len(x) - 1) / 2
        slope = (away * clock).sum(axis=0) / max(1.0, float(np.square(clock).sum()))
        least, largest = (
            np.where(there.any(axis=0), pick(np.where(there, x, fill), axis=0), np.nan)
            for pick, fill in ((np.min, np.inf), (np.max, -np.inf))
        )
        spread = np.sqrt(np.square(away).sum(axis=0) / count)
        mean, spread = (np.where(there.any(axis=0), part, np.nan) for part in (mean, spread))
        parts = [mean, spread, least, largest, first, last, slope, there.mean(axis=0), [len(x)]]
        rows.append(np.concatenate(parts))
    return np.stack(rows)


def _observed(x: Array) -> tuple[Array, Array]:
    """The first and the last observed value of each feature; NaN where there is none."""
    there = ~np.isnan(x)
    columns = np.arange(x.shape[1])
    first = x[there.argmax(axis=0), columns]
    last = x[len(x) - 1 - there[::-1].argmax(axis=0), columns]
    return first, last
