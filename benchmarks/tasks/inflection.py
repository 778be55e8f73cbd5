"""German inflection (SIGMORPHON 2016, task 1): the share of forms that are right on test.

    python -m benchmarks.tasks.inflection --data DIR --seed 0 --json FILE [--quick]

DIR holds `german-task1-train`, `-dev` and `-test`: lemma, features, form, apart by tabs; 12,490,
1,597 and 15,332 forms. Each feature is a symbol ahead of the lemma's letters; the epoch is chosen
on dev by greedy outputs, a beam of 5 is used on test. Published: the best system of the shared
task, Cotterell et al. 2016.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
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


def read(folder: Path, part: str, most: int | None = None) -> Cases:
    """The forms of one part."""
    cases = read_cases(folder / f"german-task1-{part}", DataSettings(task="transduce"))
    return cases if most is None else cases.subset(range(min(most, len(cases))))


def measured(folder: Path, seed: int, quick: bool) -> dict[str, float]:
    """Train on train, choose on dev, measure on test; percent and seconds."""
    most = 300 if quick else None
    train, dev, test = (read(folder, part, most) for part in ("train", "dev", "test"))
    changes: dict[str, Any] = {"hidden": 16, "embedding": 8, "epochs": 2} if quick else {}
    model = SequenceTransducer(**(SETTINGS | changes | {"seed": seed}))
    begin, begin_cpu = time.perf_counter(), time.process_time()
    model.fit(train.inputs, train.targets, valid=(dev.inputs, dev.targets))
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    figures = model.evaluate(test.inputs, test.targets)
    return {
        "accuracy": round(100 * figures["accuracy"], 2),
        "symbol_error_rate": round(100 * figures["symbol_error_rate"], 2),
        "published": PUBLISHED,
        "floor": FLOOR,
        "dev_greedy": round(100 * (1 - model.best_metric_), 2),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a line, and write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="Folder inflection.")
    parser.add_argument("--seed", type=int, default=0, help="Of the network.")
    parser.add_argument("--json", type=Path, help="File to write.")
    parser.add_argument("--quick", action="store_true", help="300 forms, two epochs, 16 units.")
    chosen = parser.parse_args(arguments)
    row = measured(chosen.data, chosen.seed, chosen.quick)
    print(
        f"accuracy {row['accuracy']:.2f} (published {PUBLISHED}, floor {FLOOR}), "
        f"{row['cpu_seconds']:.0f} CPU s"
    )
    if chosen.json is not None:
        record = {
            "task": "inflection",
            "seed": chosen.seed,
            "quick": chosen.quick,
            "settings": SETTINGS,
            "row": row,
            "machine": machine(),
        }
        chosen.json.write_text(json.dumps(record, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
