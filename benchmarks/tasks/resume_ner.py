"""Chinese CVs, characters with BMES tags of 8 kinds of entities: entity F1 on test.

    python -m benchmarks.tasks.resume_ner --data DIR --seed 0 --json FILE [--quick]

DIR holds `train.char.bmes`, `dev.char.bmes` and `test.char.bmes`: 3,821, 463 and 477 sentences. The
network reads characters and their pairs alone: no pretrained vectors, no words. The epoch is chosen
on dev. Published: a character BiLSTM-CRF with pretrained vectors, and with words of a lexicon, both
in Zhang & Yang 2018, arXiv:1805.02023, table 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.tasks.tagging import Row, run

__all__ = ["FLOOR", "PUBLISHED", "SETTINGS", "main"]

PUBLISHED, FLOOR = "93.5 (94.4 with words)", 92.5
SETTINGS: dict[str, Any] = {
    "cell": "lstm",
    "bidirectional": True,
    "hidden": 192,
    "embedding": 128,
    "pair_embedding": 100,
    "min_count": 2,
    "dropout": 0.6,
    "variational": True,
    "batch_size": 16,
    "epochs": 10,
    "patience": 0,
    "learning_rate": 2e-3,
    "weight_decay": 0.1,
    "average": 0.999,
    "threads": 1,
}


def main(argv: Sequence[str] | None = None) -> Row:
    """Measure, print, write."""
    return run(
        "resume_ner",
        "Entities in Chinese CVs.",
        [f"{part}.char.bmes" for part in ("train", "dev", "test")],
        SETTINGS,
        argv,
        figure="entity_f1",
        published=PUBLISHED,
        floor=FLOOR,
    )


if __name__ == "__main__":
    main()
