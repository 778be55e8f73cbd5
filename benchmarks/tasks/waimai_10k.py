"""Chinese takeaway reviews, two thirds of them bad: macro F1 on a fifth that is held out.

    python -m benchmarks.tasks.waimai_10k --data DIR --seed 0 --json FILE [--quick]

DIR holds `waimai_10k.csv`, `label,review`, 11,987 reviews. There is no published split: a fifth is
the test part and a tenth chooses the epoch, drawn by a seed of their own, so that every --seed is
measured on the same reviews. Beside it TF-IDF of character n-grams with logistic regression, fitted
on the same reviews.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tasks.texts import Part, Row, run

__all__ = ["SETTINGS", "main", "read"]

SETTINGS: dict[str, Any] = {
    "symbol": "character",
    "min_count": 2,
    "cell": "gru",
    "bidirectional": True,
    "hidden": 64,
    "embedding": 64,
    "convolution": (96,),
    "convolution_width": 3,
    "pool": ("mean", "max"),
    "dropout": 0.4,
    "batch_size": 64,
    "epochs": 10,
    "learning_rate": 2e-3,
    "average": 0.995,
    "tune_threshold": True,
    "threads": 1,
}


def read(folder: Path) -> tuple[Part, Part, Part]:
    """Training part, the part that chooses the epoch, test part."""
    with (folder / "waimai_10k.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["review"], int(row["label"])) for row in csv.DictReader(file)]
    rows = [(text, label) for text, label in rows if text.strip()]
    order = np.random.default_rng(0).permutation(len(rows))
    test, dev = len(rows) // 5, len(rows) // 10

    def part(index: Any) -> Part:
        return [rows[k][0] for k in index], [rows[k][1] for k in index]

    return part(order[test + dev :]), part(order[test : test + dev]), part(order[:test])


def main(argv: Sequence[str] | None = None) -> Row:
    """Measure, print, write."""
    return run(
        "waimai_10k",
        "Good and bad takeaway reviews.",
        read,
        SETTINGS,
        argv,
        analyzer="char",
        ngrams=(1, 3),
        published="none: TF-IDF beside it",
    )


if __name__ == "__main__":
    main()
