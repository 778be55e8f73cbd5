"""MNIST-1D: ten digits drawn as a line of 40 points, shifted, scaled, sheared and noisy.

    python -m benchmarks.papers.mnist1d --seed 0 --json FILE [--quick] [--set epochs=20 ...]

The data is made here by the generator of the PyPI package `mnist1d` with its default arguments
(seed 42): 4,000 lines to learn from, 1,000 to test. The last 400 of the 4,000 choose the epoch; the
test is read once. Published: Greydanus & Kobak, arXiv:2011.14439, and the table of the package's
own page.
"""

from __future__ import annotations

import warnings
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from benchmarks.command import Clock, Epochs, changes, options, write
from recurra import SequenceClassifier

__all__ = ["NETWORKS", "PUBLISHED", "SETTINGS", "Lines", "Row", "lines", "main"]

Array = npt.NDArray[Any]
PUBLISHED = {"logistic regression": 0.32, "MLP": 0.68, "GRU": 0.91, "CNN": 0.94, "people": 0.96}
SETTINGS: dict[str, Any] = {
    "cell": "gru",
    "bidirectional": True,
    "hidden": 128,
    "dropout": 0.3,
    # A line is 40 numbers: what is dropped of them is gone.
    "input_dropout": 0.0,
    "batch_size": 50,
    "learning_rate": 3e-3,
    "epochs": 15,
    "patience": 0,
    "precision": "bfloat16",
    "threads": 1,
}
# What the second network has beside the first.
NETWORKS: dict[str, dict[str, Any]] = {
    "GRU": {},
    "convolutions, then a GRU": {"convolution": [32, 64], "convolution_width": 5, "hidden": 96},
}
QUICK: dict[str, Any] = {"hidden": 4, "epochs": 1}
# Of the training lines: those that choose the epoch.
_HELD = 400


class Row(TypedDict):
    """One line of the table.

    Args:
        model: What it is.
        accuracy: On the 1,000 lines of the test.
        valid: On the 400 lines that chose the epoch; None: none was chosen.
        published: Of the same kind of model; None: there is none.
        parameters: How many numbers are learnt.
        cpu_seconds: Of training, over all threads.
        seconds: Of training, wall.
    """

    model: str
    accuracy: float
    valid: float | None
    published: float | None
    parameters: int
    cpu_seconds: float
    seconds: float


class Lines(TypedDict):
    """The data: x [N, 40, 1] and the digits [N]."""

    x: Array
    y: Array
    x_test: Array
    y_test: Array


def lines() -> Lines:
    """The default data set of the package, made here."""
    # Imported here: it draws in packages that only its own downloads need.
    from mnist1d.data import get_dataset_args, make_dataset

    state = np.random.get_state()
    try:
        made = make_dataset(get_dataset_args())
    finally:
        # The generator seeds numpy's global state.
        np.random.set_state(state)
    return Lines(
        x=made["x"][:, :, None],
        y=made["y"],
        x_test=made["x_test"][:, :, None],
        y_test=made["y_test"],
    )


def linear(found: Lines) -> Row:
    """Logistic regression on the 40 numbers."""
    with Clock() as clock, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=200).fit(found["x"][:, :, 0], found["y"])
    return Row(
        model="logistic regression",
        accuracy=float(model.score(found["x_test"][:, :, 0], found["y_test"])),
        valid=None,
        published=PUBLISHED["logistic regression"],
        parameters=model.coef_.size + model.intercept_.size,
        cpu_seconds=clock.cpu_seconds,
        seconds=clock.seconds,
    )


def network(name: str, settings: dict[str, Any], found: Lines, most: int | None) -> Row:
    """One network, its epoch chosen by the held-out lines."""
    learnt, held = slice(0, -_HELD), slice(-_HELD, None)
    x, y = found["x"], found["y"]
    model = SequenceClassifier(**settings)
    with Clock() as clock:
        model.fit(x[learnt][:most], y[learnt][:most], valid=(x[held], y[held]), progress=Epochs())
    return Row(
        model=name,
        accuracy=float(model.score(found["x_test"], found["y_test"])),
        valid=model.best_metric_,
        published=PUBLISHED.get(name),
        parameters=model.parameters_,
        cpu_seconds=clock.cpu_seconds,
        seconds=clock.seconds,
    )


def main(arguments: list[str] | None = None) -> list[Row]:
    """Measure, print a line a model, and write JSON."""
    parser = options(__doc__, quick="200 lines, one epoch, four units: shows that it runs")
    chosen = parser.parse_args(arguments)
    changed = changes(chosen, QUICK)
    found = lines()
    rows = [linear(found)]
    print(shown(rows[0]))
    for name, own in NETWORKS.items():
        settings = SETTINGS | own | {"seed": chosen.seed} | changed
        rows.append(network(name, settings, found, 200 if chosen.quick else None))
        print(shown(rows[-1]), flush=True)
    others = ", ".join(f"{name} {PUBLISHED[name]:.0%}" for name in ("MLP", "CNN", "people"))
    print(f"published beside them: {others}")
    write("mnist1d", chosen, SETTINGS | {"networks": NETWORKS} | changed, rows, published=PUBLISHED)
    return rows


def shown(row: Row) -> str:
    """A line for the eye."""
    valid = "" if row["valid"] is None else f" (valid {row['valid']:.1%})"
    published = "none" if row["published"] is None else f"{row['published']:.0%}"
    return (
        f"{row['model']:<26}{row['accuracy']:.1%}{valid}, published {published}; "
        f"{row['parameters']:,} parameters, {row['cpu_seconds']:.0f} CPU s"
    )


if __name__ == "__main__":
    main()
