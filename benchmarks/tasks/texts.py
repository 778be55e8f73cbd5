"""What the benchmarks of text classifiers share: training, figures, a linear model beside."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from benchmarks.machine import machine
from recurra import SequenceClassifier
from recurra.metrics import accuracy, ece, macro_f1
from recurra.spec.report import EpochRecord
from recurra.train.progress import Silent

__all__ = ["Part", "Row", "measured", "run"]

# With --quick: enough to see that everything runs.
_QUICK: Mapping[str, Any] = {"hidden": 8, "embedding": 8, "epochs": 1}
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


class _Epochs(Silent):
    """A line an epoch on standard error: a run takes minutes."""

    def on_epoch(self, record: EpochRecord, best: bool) -> None:
        """What was learnt, and how good it is on the part that is watched."""
        print(
            f"epoch {record['epoch']}: loss {record['loss']:.4f}, watched {record['metric']:.4f}"
            f"{' (best)' if best else ''}, {time.process_time():.0f} CPU s",
            file=sys.stderr,
            flush=True,
        )


def measured(
    train: Part,
    dev: Part,
    test: Part,
    settings: Mapping[str, Any],
    *,
    analyzer: str,
    ngrams: tuple[int, int],
    published: str,
    seed: int,
) -> Row:
    """Train on the first part, choose the epoch on the second, measure on the third.

    Args:
        settings: Of the classifier.
        analyzer: What TF-IDF counts: "word" or "char".
        ngrams: Shortest and longest run of them.
    """
    classifier = SequenceClassifier(**settings, seed=seed)
    begin, begin_cpu = time.perf_counter(), time.process_time()
    classifier.fit(*train, valid=dev, progress=_Epochs())
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
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
        seconds=round(seconds, 1),
        cpu_seconds=round(cpu, 1),
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
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True, help="folder of the files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="where to write the row")
    parser.add_argument("--quick", action="store_true", help="300 texts, one epoch, 8 units")
    chosen = parser.parse_args(argv)
    given = parts(chosen.data)
    used = dict(settings)
    if chosen.quick:
        used |= _QUICK
        given = tuple((x[:_QUICK_CASES], y[:_QUICK_CASES]) for x, y in given)  # type: ignore[assignment]  # three of three
    row = measured(*given, used, seed=chosen.seed, **of)
    print(
        f"{task}: accuracy {row.accuracy:.2f}, macro F1 {row.macro_f1:.2f} on test (epoch "
        f"{row.epoch}, {row.seconds:.0f} s); TF-IDF with logistic regression "
        f"{row.linear_accuracy:.2f}, {row.linear_macro_f1:.2f}; published {row.published}"
    )
    if chosen.json is not None:
        tree = {
            "task": task,
            "seed": chosen.seed,
            "quick": chosen.quick,
            "machine": machine(),
            "settings": used,
            "rows": [asdict(row)],
        }
        chosen.json.write_text(json.dumps(tree, indent=1) + "\n", "utf-8")
    return row


def _percent(share: float) -> float:
    return round(100 * share, 2)
