"""LSTM against GRU on a table that is no sequence: 20 features read one after another.

    python -m benchmarks.papers.make_classification --json FILE [--seeds 3] [--quick]

`sklearn.datasets.make_classification(n_samples=1000, n_features=20, random_state=42)`, an 80/20
split with the same random state, 50 units, tanh and relu; logistic regression on the same split
beside them. The order of the features means nothing, so a linear model is the fair rival.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from recurra import SequenceClassifier

__all__ = ["Row", "main", "measure"]

SETTINGS: dict[str, Any] = {
    "hidden": 50,
    "input_dropout": 0.2,
    "epochs": 30,
    "patience": 8,
    "threads": 1,
}


class Row(TypedDict):
    """One line of the table; accuracies on the 200 test cases, the mean over seeds."""

    model: str
    activation: str
    accuracy: float
    seeds: list[float]
    parameters: int
    cpu_seconds: float


def measure(seeds: int, **changes: Any) -> list[Row]:
    """Every line: two cells, two activations, logistic regression.

    Args:
        seeds: Trainings of each network.
        **changes: Settings other than the experiment's.
    """
    X, y = make_classification(n_samples=1000, n_features=20, random_state=42)
    train, test, truth, answers = train_test_split(X, y, test_size=0.2, random_state=42)
    rows = []
    for cell in ("lstm", "gru"):
        for activation in ("tanh", "relu"):
            begin, found = time.process_time(), []
            for seed in range(seeds):
                model = SequenceClassifier(
                    cell=cell, activation=activation, seed=seed, **(SETTINGS | changes)
                )
                model.fit(train[:, :, None], truth)
                found.append(float(model.score(test[:, :, None], answers)))
            rows.append(
                Row(
                    model=cell,
                    activation=activation,
                    accuracy=statistics.fmean(found),
                    seeds=found,
                    parameters=model.parameters_,
                    cpu_seconds=time.process_time() - begin,
                )
            )
    begin = time.process_time()
    linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(train, truth)
    accuracy = float(linear.score(test, answers))
    rows.append(
        Row(
            model="logistic regression",
            activation="",
            accuracy=accuracy,
            seeds=[accuracy],
            parameters=train.shape[1] + 1,
            cpu_seconds=time.process_time() - begin,
        )
    )
    return rows


def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="file of the figures")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one epoch: shows that it runs")
    chosen = parser.parse_args(argv)
    rows = measure(chosen.seeds, **({"epochs": 1, "hidden": 4} if chosen.quick else {}))
    for row in rows:
        name = f"{row['model']} {row['activation']}".strip()
        print(f"{name:<22}{row['accuracy']:.4f}  {row['parameters']:>7,} parameters")
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    return rows


if __name__ == "__main__":
    main()
