"""What the benchmarks of text classifiers share: training, figures, a linear model beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from benchmarks.command import Clock, Epochs, changes, options, write
from recurra import SequenceClassifier
from recurra.metrics import accuracy, ece, macro_f1

__all__ = ["Part", "Row", "measured", "run"]

# With --quick: enough to see that everything runs.
_QUICK: dict[str, Any] = {"hidden": 8, "embedding": 8, "epochs": 1}
_QUICK_CASES = 300

# Texts and labels.
Part = tuple[list[str], list[int]]


@dataclass(frozen=True)
class Row:
    """One trained classifier beside TF-IDF with logistic regression; figures in percent.

    Args:
        accuracy: On the test part.
        macro_f1: On the test part.
        ece: Expected calibration error on the test part.
        linear_accuracy: Of the linear model, fitted on the same training part.
        linear_macro_f1: Its macro F1.
        majority: Accuracy of always calling the most frequent class.
        published: What others reached.
        seconds: Of training, wall time.
        cpu_seconds: Of training, over all threads.
    """

    accuracy: float
    macro_f1: float
    ece: float
    linear_accuracy: float
    linear_macro_f1: float
    majority: float
    published: str
    epoch: int
    parameters: int
    seconds: float
    cpu_seconds: float


def measured(
    train: Part,
    dev: Part,
    test: Part,
    settings: Mapping[str, Any],
    *,
    analyzer: str,
    ngrams: tuple[int, int],
    published: str,
) -> Row:
    """Train on the first part, choose the epoch on the second, measure on the third.

    Args:
        settings: Of the classifier.
        analyzer: What TF-IDF counts: "word" or "char".
        ngrams: Shortest and longest run of them.
    """
    classifier = SequenceClassifier(**settings)
    with Clock() as clock:
        classifier.fit(*train, valid=dev, progress=Epochs())
    answers, truth = classifier.predict_proba(test[0]), np.array(test[1])
    called = classifier.model_.decoder.choose(answers)
    linear = make_pipeline(
        TfidfVectorizer(analyzer=analyzer, ngram_range=ngrams, sublinear_tf=True, min_df=2),
        LogisticRegression(C=10.0, max_iter=1000),
    )
    linear.fit([*train[0], *dev[0]], [*train[1], *dev[1]])
    beside = linear.predict_proba(test[0])
    best = max(classifier.history_, key=lambda record: (record["metric"], -record["valid_loss"]))
    return Row(
        accuracy=_percent(accuracy(answers, truth, called)),
        macro_f1=_percent(macro_f1(answers, truth, called)),
        ece=_percent(ece(answers, truth)),
        linear_accuracy=_percent(accuracy(beside, truth)),
        linear_macro_f1=_percent(macro_f1(beside, truth)),
        majority=_percent(float(np.bincount(truth).max() / len(truth))),
        published=published,
        epoch=best["epoch"],
        parameters=classifier.parameters_,
        seconds=clock.seconds,
        cpu_seconds=clock.cpu_seconds,
    )


def run(
    task: str,
    description: str,
    parts: Callable[[Path], tuple[Part, Part, Part]],
    settings: Mapping[str, Any],
    argv: Sequence[str] | None,
    **of: Any,
) -> Row:
    """The command `--data DIR --seed S --json FILE [--quick]`: print the row, write it as JSON."""
    parser = options(description, data="folder of the files", quick="300 texts, one epoch, 8 units")
    chosen = parser.parse_args(argv)
    given = parts(chosen.data)
    used = {**settings, **changes(chosen, _QUICK), "seed": chosen.seed}
    if chosen.quick:
        given = tuple((x[:_QUICK_CASES], y[:_QUICK_CASES]) for x, y in given)  # type: ignore[assignment]  # three of three
    row = measured(*given, used, **of)
    print(
        f"{task}: accuracy {row.accuracy:.2f}, macro F1 {row.macro_f1:.2f} on test (epoch "
        f"{row.epoch}, {row.seconds:.0f} s); TF-IDF with logistic regression "
        f"{row.linear_accuracy:.2f}, {row.linear_macro_f1:.2f}; published {row.published}"
    )
    write(task, chosen, used, [asdict(row)])
    return row


def _percent(share: float) -> float:
    return round(100 * share, 2)
