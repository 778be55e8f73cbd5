"""Letters to sounds in ten languages (SIGMORPHON 2020, task 1): word error rate on test.

    python -m benchmarks.tasks.g2p --data DIR --seed 0 --json FILE [--quick] [--languages fre kor]

DIR holds `train/`, `dev/` and `test/` with `<language>_<part>.tsv`: letters, a tab, sounds apart by
spaces; 3,600, 450 and 450 words. One configuration for all languages: letters decomposed (NFD), a
bidirectional encoder, additive attention, the epoch chosen on dev by greedy outputs, a beam
of 5 on test. Published: the shared task's LSTM baseline, Gorman et al. 2020.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.command import Clock, changes, options, write
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
QUICK: dict[str, Any] = {"hidden": 16, "embedding": 8, "epochs": 2}


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


def measured(folder: Path, language: str, settings: dict[str, Any], *, quick: bool) -> Row:
    """Train on train, choose on dev, measure on test."""
    most = 300 if quick else None
    train, dev, test = (read(folder, language, part, most) for part in ("train", "dev", "test"))
    model = SequenceTransducer(**settings)
    with Clock() as clock:
        model.fit(train.inputs, train.targets, valid=(dev.inputs, dev.targets))
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
        clock.seconds,
        clock.cpu_seconds,
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a table, and write JSON."""
    parser = options(__doc__, data="folder g2p", quick="300 words, two epochs, 16 units")
    parser.add_argument("--languages", nargs="*", choices=PUBLISHED, default=list(PUBLISHED))
    chosen = parser.parse_args(arguments)
    settings = SETTINGS | changes(chosen, QUICK) | {"seed": chosen.seed}
    rows = []
    for language in chosen.languages:
        row = measured(chosen.data, language, settings, quick=chosen.quick)
        print(
            f"{row.language}  WER {row.word_error_rate:6.2f}  (published {row.published:.2f}, "
            f"floor {row.floor:.2f})  dev {row.dev:.2f}, epoch {row.epoch}, "
            f"{row.cpu_seconds:.0f} CPU s",
            flush=True,
        )
        rows.append(asdict(row))
        # After each language: a run that is stopped leaves what it has.
        write("g2p", chosen, settings, rows)


if __name__ == "__main__":
    main()
