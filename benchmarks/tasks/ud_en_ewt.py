"""English words and their universal parts of speech (UD English EWT): accuracy on test.

    python -m benchmarks.tasks.ud_en_ewt --data DIR --seed 0 --json FILE [--quick]

DIR holds `train.tsv`, `dev.tsv` and `test.tsv`: 12,544, 2,001 and 2,077 sentences, a token, a tab
and its tag a line, a blank line between sentences. The network reads words in lower case and the
characters of each; no pretrained vectors. The epoch is chosen on dev. Published: about 95.5 to 96.4
on earlier releases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.tasks.tagging import Row, run

__all__ = ["FLOOR", "PUBLISHED", "SETTINGS", "main"]

PUBLISHED, FLOOR = "95.5 to 96.4 (earlier releases)", 92.5
SETTINGS: dict[str, Any] = {
    "cell": "lstm",
    "bidirectional": True,
    "hidden": 128,
    "embedding": 100,
    "character_hidden": 32,
    "lowercase": True,
    "min_count": 2,
    "dropout": 0.4,
    "variational": True,
    "batch_size": 32,
    "epochs": 5,
    "patience": 0,
    "learning_rate": 3e-3,
    "threads": 1,
}


def main(argv: Sequence[str] | None = None) -> Row:
    """Measure, print, write."""
    return run(
        "ud_en_ewt",
        "Parts of speech of English words.",
        [f"{part}.tsv" for part in ("train", "dev", "test")],
        SETTINGS,
        argv,
        figure="accuracy",
        published=PUBLISHED,
        floor=FLOOR,
    )


if __name__ == "__main__":
    main()
