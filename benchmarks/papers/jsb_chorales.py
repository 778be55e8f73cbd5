"""JSB chorales at the papers' sizes and by their strategy: tanh, GRU and LSTM; then by our best.

    python -m benchmarks.papers.jsb_chorales --data DIR --seed 0 --json FILE [--quick]

Negative log-likelihood in nats a frame, as `benchmarks.tasks.jsb_chorales` measures it. Chung et
al. 2014, arXiv:1412.3555, compare 100 tanh units, 46 GRU units and 36 LSTM units, about 20,000
parameters each (tables 1 and 2). Bai et al. 2018, arXiv:1803.01271, table 1, leave the first frame
of each chorale out. Both measures are given. What is chosen is chosen on valid; the test is read
once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

from benchmarks.command import Clock, Epochs, changes, options, write
from benchmarks.tasks.jsb_chorales import SETTINGS as LARGE
from benchmarks.tasks.jsb_chorales import read
from recurra import SequenceGenerator

__all__ = ["NETWORKS", "PUBLISHED", "Row", "main"]

# Nats a frame of Chung 2014 and Bai 2018.
PUBLISHED: dict[str, dict[str, float]] = {
    "tanh": {"Chung 2014": 9.10, "Bai 2018": 8.91},
    "GRU": {"Chung 2014": 8.54, "Bai 2018": 8.43},
    "LSTM": {"Chung 2014": 8.67, "Bai 2018": 8.45},
    "tanh, dropped": {},
    "GRU, dropped": {},
    "our best": {"TCN, Bai 2018": 8.10},
}
# As in the papers: RMSProp, gradients clipped by their norm, nothing dropped, stopped by valid. The
# rate of each network is the best on valid of 1e-3, 3e-3 and 1e-2.
SMALL: dict[str, Any] = LARGE | {
    "dropout": 0.0,
    "input_dropout": None,
    "batch_size": 8,
    "epochs": 300,
    "patience": 40,
    "optimiser": "rmsprop",
    "momentum": 0.0,
    "schedule": "constant",
    "warmup": 0.0,
    "weight_decay": 0.0,
    "precision": "float32",
}
# At the same sizes with what the papers did not have; the best on valid of five such settings.
DROPPED: dict[str, Any] = LARGE | {
    "dropout": 0.3,
    "input_dropout": 0.0,
    "variational": True,
    "weight_dropout": 0.2,
    "batch_size": 8,
    "epochs": 400,
    "patience": 40,
    "learning_rate": 1.5e-2,
    "weight_decay": 0.01,
    "average": 0.99,
    "precision": "float32",
}
NETWORKS: dict[str, dict[str, Any]] = {
    "tanh": SMALL | {"cell": "rnn", "hidden": 100, "learning_rate": 1e-3},
    "GRU": SMALL | {"cell": "gru", "hidden": 46, "learning_rate": 3e-3},
    "LSTM": SMALL | {"cell": "lstm", "hidden": 36, "learning_rate": 3e-3},
    "tanh, dropped": DROPPED | {"cell": "rnn", "hidden": 100},
    "GRU, dropped": DROPPED | {"cell": "gru", "hidden": 46},
    "our best": LARGE | {"average": 0.99, "weight_dropout": 0.4, "epochs": 80},
}
QUICK: dict[str, Any] = {"hidden": 8, "epochs": 1}


class Row(TypedDict):
    """One line of the table.

    Args:
        model: A name of `NETWORKS`.
        nll: On test, nats a frame, all frames.
        nll_after_first: The same without the first frame of each chorale.
        valid: On valid, all frames: what chose the epoch.
        published: Figures by paper.
        parameters: How many numbers are learnt.
        cpu_seconds: Of training, over all threads.
        seconds: Of training, wall.
    """

    model: str
    nll: float
    nll_after_first: float
    valid: float
    published: dict[str, float]
    parameters: int
    cpu_seconds: float
    seconds: float


def measured(name: str, folder: Path, settings: dict[str, Any], *, quick: bool) -> Row:
    """Train on train, choose on valid, measure on test."""
    most = 12 if quick else None
    train, valid, test = (read(folder, part, most) for part in ("train", "valid", "test"))
    model = SequenceGenerator(**settings)
    with Clock() as clock:
        model.fit(train, valid=valid, progress=Epochs())
    whole, first = model.score(test), model.score([tune[:1] for tune in test])
    return Row(
        model=name,
        nll=whole.nll,
        nll_after_first=(whole.nats - first.nats) / (whole.steps - first.steps),
        valid=model.best_metric_,
        published=PUBLISHED[name],
        parameters=model.parameters_,
        cpu_seconds=clock.cpu_seconds,
        seconds=clock.seconds,
    )


def main(arguments: list[str] | None = None) -> list[Row]:
    """Measure, print a line a network, and write JSON."""
    parser = options(__doc__, data="folder jsb_chorales", quick="12 chorales a part, one epoch")
    parser.add_argument("--only", nargs="*", choices=list(NETWORKS), default=list(NETWORKS))
    chosen = parser.parse_args(arguments)
    changed = changes(chosen, QUICK)
    rows = []
    for name in chosen.only:
        settings = NETWORKS[name] | {"seed": chosen.seed} | changed
        rows.append(measured(name, chosen.data, settings, quick=chosen.quick))
        print(shown(rows[-1]), flush=True)
    write("jsb_chorales", chosen, NETWORKS | {"changes": changed}, rows)
    return rows


def shown(row: Row) -> str:
    """A line for the eye."""
    published = ", ".join(f"{paper} {figure:.2f}" for paper, figure in row["published"].items())
    return (
        f"{row['model']:<14}test {row['nll']:.3f}, without first frames "
        f"{row['nll_after_first']:.3f} (valid {row['valid']:.3f}); {published or 'unpublished'}; "
        f"{row['parameters']:,} parameters, {row['cpu_seconds']:.0f} CPU s"
    )


if __name__ == "__main__":
    main()
