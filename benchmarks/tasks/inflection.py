"""German inflection (SIGMORPHON 2016, task 1): the share of forms that are right on test.

    python -m benchmarks.tasks.inflection --data DIR --seed 0 --json FILE [--quick]

DIR holds `german-task1-train`, `-dev` and `-test`: lemma, features, form, apart by tabs; 12,490,
1,597 and 15,332 forms. Each feature is a symbol ahead of the lemma's letters; the epoch is chosen
on dev by greedy outputs, a beam of 5 is used on test. Published: the best system of the shared
task, Cotterell et al. 2016.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.command import Clock, changes, options, write
from recurra import SequenceTransducer
from recurra.codecs import Cases, read_cases
from recurra.spec.settings import DataSettings

__all__ = ["FLOOR", "PUBLISHED", "SETTINGS", "main", "measured"]

# Accuracy in percent.
PUBLISHED = 95.8
FLOOR = 90.0
SETTINGS: dict[str, Any] = {
    "source_symbol": "character",
    "target_symbol": "character",
    "share_symbols": True,
    "cell": "gru",
    "bidirectional": True,
    "hidden": 192,
    "embedding": 128,
    "attention": "additive",
    "pool": ("mean",),
    "dropout": 0.3,
    "label_smoothing": 0.1,
    "epochs": 7,
    "batch_size": 32,
    "learning_rate": 2e-3,
    "beam": 5,
    "threads": 1,
}
QUICK: dict[str, Any] = {"hidden": 16, "embedding": 8, "epochs": 2}


def read(folder: Path, part: str, most: int | None = None) -> Cases:
    """The forms of one part."""
    cases = read_cases(folder / f"german-task1-{part}", DataSettings(task="transduce"))
    return cases if most is None else cases.subset(range(min(most, len(cases))))


def measured(folder: Path, settings: dict[str, Any], *, quick: bool) -> dict[str, float]:
    """Train on train, choose on dev, measure on test; percent and seconds."""
    most = 300 if quick else None
    train, dev, test = (read(folder, part, most) for part in ("train", "dev", "test"))
    model = SequenceTransducer(**settings)
    with Clock() as clock:
        model.fit(train.inputs, train.targets, valid=(dev.inputs, dev.targets))
    figures = model.evaluate(test.inputs, test.targets)
    return {
        "accuracy": round(100 * figures["accuracy"], 2),
        "symbol_error_rate": round(100 * figures["symbol_error_rate"], 2),
        "published": PUBLISHED,
        "floor": FLOOR,
        "dev_greedy": round(100 * (1 - model.best_metric_), 2),
        "seconds": clock.seconds,
        "cpu_seconds": clock.cpu_seconds,
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a line, and write JSON."""
    parser = options(__doc__, data="folder inflection", quick="300 forms, two epochs, 16 units")
    chosen = parser.parse_args(arguments)
    settings = SETTINGS | changes(chosen, QUICK) | {"seed": chosen.seed}
    row = measured(chosen.data, settings, quick=chosen.quick)
    print(
        f"accuracy {row['accuracy']:.2f} (published {PUBLISHED}, floor {FLOOR}), "
        f"{row['cpu_seconds']:.0f} CPU s"
    )
    write("inflection", chosen, settings, [row])


if __name__ == "__main__":
    main()
