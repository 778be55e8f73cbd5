"""Letters to sounds in ten languages (SIGMORPHON 2020, task 1): word error rate on test.

    python -m benchmarks.tasks.g2p --data DIR --seed 0 --json FILE [--quick] [--languages fre kor]

DIR holds `train/`, `dev/` and `test/` with `<language>_<part>.tsv`: letters, a tab, sounds apart by
spaces; 3,600, 450 and 450 words. One configuration for all languages: letters decomposed (NFD), a
bidirectional encoder, additive attention, the epoch chosen on dev by greedy outputs, a beam
of 5 on test. Published: the shared task's LSTM baseline, Gorman et al. 2020.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from recurra import SequenceTransducer
from recurra.codecs import Cases, read_cases
from recurra.spec.settings import DataSettings

__all__ = ["FLOORS", "PUBLISHED", "SETTINGS", "Row", "main", "measured"]

# Word error rate of the LSTM baseline, in percent.
PUBLISHED = {
    "ady": 28.00,
    "arm": 14.67,
    "bul": 31.11,
    "fre": 6.22,
    "geo": 26.44,
    "hin": 6.67,
    "hun": 5.33,
    "kor": 46.89,
    "lit": 19.11,
    "vie": 4.67,
}
# What is asked of a model that learns in five minutes: elsewhere the baseline plus 4.
FLOORS = {name: rate + 4.0 for name, rate in PUBLISHED.items()} | {
    "fre": 8.2,
    "hun": 7.3,
    "kor": 32.0,
    "vie": 5.0,
}
SETTINGS: dict[str, Any] = {
    "normalisation": "NFD",
    "source_symbol": "character",
    "target_symbol": "space",
    "cell": "gru",
    "bidirectional": True,
    "hidden": 192,
    "embedding": 128,
    "attention": "additive",
    "pool": ("mean",),
    "dropout": 0.3,
    "label_smoothing": 0.1,
    "epochs": 20,
    "batch_size": 16,
    "learning_rate": 1.5e-3,
    "beam": 5,
    "threads": 1,
}


@dataclass(frozen=True)
class Row:
    """One language; rates in percent.

    Args:
        dev: Word error rate on dev, beam of 5.
        epoch: Of which the weights are, chosen on dev.
        seconds: Of training, measuring dev after every epoch included.
    """

    language: str
    word_error_rate: float
    symbol_error_rate: float
    published: float
    floor: float
    dev: float
    epoch: int
    seconds: float
    cpu_seconds: float


def read(folder: Path, language: str, part: str, most: int | None = None) -> Cases:
    """The words of one part of a language."""
    path = folder / part / f"{language}_{part}.tsv"
    cases = read_cases(path, DataSettings(task="transduce"))
    return cases if most is None else cases.subset(range(min(most, len(cases))))


def measured(folder: Path, language: str, seed: int, quick: bool) -> Row:
    """Train on train, choose on dev, measure on test."""
    most = 300 if quick else None
    train, dev, test = (read(folder, language, part, most) for part in ("train", "dev", "test"))
    changes: dict[str, Any] = {"hidden": 16, "embedding": 8, "epochs": 2} if quick else {}
    model = SequenceTransducer(**(SETTINGS | changes | {"seed": seed}))
    begin, begin_cpu = time.perf_counter(), time.process_time()
    model.fit(train.inputs, train.targets, valid=(dev.inputs, dev.targets))
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    figures = model.evaluate(test.inputs, test.targets)
    best = min(model.history_, key=lambda record: (record["metric"], record["valid_loss"]))
    return Row(
        language,
        round(100 * figures["word_error_rate"], 2),
        round(100 * figures["symbol_error_rate"], 2),
        PUBLISHED[language],
        FLOORS[language],
        round(100 * model.evaluate(dev.inputs, dev.targets)["word_error_rate"], 2),
        best["epoch"],
        round(seconds, 1),
        round(cpu, 1),
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a table, and write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="Folder g2p.")
    parser.add_argument("--seed", type=int, default=0, help="Of the networks.")
    parser.add_argument("--json", type=Path, help="File to write.")
    parser.add_argument("--languages", nargs="*", choices=PUBLISHED, default=list(PUBLISHED))
    parser.add_argument("--quick", action="store_true", help="300 words, two epochs, 16 units.")
    chosen = parser.parse_args(arguments)
    rows = []
    for language in chosen.languages:
        row = measured(chosen.data, language, chosen.seed, chosen.quick)
        print(
            f"{row.language}  WER {row.word_error_rate:6.2f}  (published {row.published:.2f}, "
            f"floor {row.floor:.2f})  dev {row.dev:.2f}, epoch {row.epoch}, "
            f"{row.cpu_seconds:.0f} CPU s",
            flush=True,
        )
        rows.append(row)
        if chosen.json is not None:
            # After each language: a run that is stopped leaves what it has.
            record = {
                "task": "g2p",
                "seed": chosen.seed,
                "quick": chosen.quick,
                "settings": SETTINGS,
                "rows": [asdict(row) for row in rows],
                "machine": machine(),
            }
            chosen.json.write_text(json.dumps(record, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
