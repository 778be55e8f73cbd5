"""English film reviews, good or bad: accuracy on test.

    python -m benchmarks.tasks.sst2 --data DIR --seed 0 --json FILE [--quick]

DIR holds `train.tsv`, `dev.tsv` and `test.tsv`, `text<TAB>label` without a heading: 6,920, 872 and
1,821 sentences. No pretrained vectors. Published: an LSTM with pretrained vectors in Tai et al.
2015, arXiv:1503.00075, table 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.tasks.texts import Part, Row, run

__all__ = ["PUBLISHED", "SETTINGS", "main", "read"]

PUBLISHED = "84.9 with pretrained vectors"
SETTINGS: dict[str, Any] = {
    "symbol": "word",
    "min_count": 2,
    "cell": "gru",
    "bidirectional": True,
    "hidden": 64,
    "embedding": 100,
    "pool": ("mean", "max"),
    "dropout": 0.5,
    "embedding_dropout": 0.2,
    "batch_size": 32,
    "epochs": 12,
    "learning_rate": 2e-3,
    "average": 0.995,
    "threads": 1,
}


def read(path: Path) -> Part:
    """Texts and labels of one file."""
    rows = [line.rsplit("\t", 1) for line in path.read_text("utf-8").splitlines() if line]
    return [text for text, _ in rows], [int(label) for _, label in rows]


def main(argv: Sequence[str] | None = None) -> Row:
    """Measure, print, write."""
    return run(
        "sst2",
        "Good and bad film reviews.",
        lambda folder: tuple(read(folder / f"{part}.tsv") for part in ("train", "dev", "test")),  # type: ignore[arg-type, return-value]  # three of three
        SETTINGS,
        argv,
        analyzer="word",
        ngrams=(1, 2),
        published=PUBLISHED,
    )


if __name__ == "__main__":
    main()
