"""Tiny Shakespeare, character by character: nats a character on the last tenth of the text.

    python -m benchmarks.tasks.tinyshakespeare --data DIR --seed 0 --json FILE [--quick]

DIR holds `input.txt` (1,115,394 characters). The first 90 % are learnt from, their last 3 % choose
the epoch; the test text is read as one stream whose state goes on from its first character to its
last. Published: the minGRU of Feng et al. 2024, arXiv:2410.01201, whose windows begin anew.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from recurra import SequenceGenerator
from recurra.spec.report import EpochRecord
from recurra.train.progress import Silent

__all__ = ["FLOOR", "PUBLISHED", "SETTINGS", "main", "measured"]

# Nats a character.
PUBLISHED, FLOOR = 1.548, 1.49
SETTINGS: dict[str, Any] = {
    "cell": "gru",
    "hidden": 512,
    "layers": 2,
    "embedding": 64,
    "dropout": 0.35,
    "input_dropout": 0.1,
    "window": 64,
    "batch_size": 32,
    "epochs": 10,
    "learning_rate": 2e-3,
    "weight_decay": 0.1,
    "precision": "bfloat16",
    "valid_fraction": 0.03,
    "patience": 0,
    "threads": 1,
}


class _Epochs(Silent):
    """A line an epoch on standard error: a run takes minutes."""

    def on_epoch(self, record: EpochRecord, best: bool) -> None:
        """What was learnt, and how well the watched text is foreseen."""
        print(
            f"epoch {record['epoch']}: loss {record['loss']:.4f}, watched {record['metric']:.4f}"
            f"{' (best)' if best else ''}, {time.process_time():.0f} CPU s",
            file=sys.stderr,
            flush=True,
        )


def measured(
    folder: Path, seed: int, quick: bool, changes: dict[str, Any], out: Path | None = None
) -> dict[str, float]:
    """Train on the first nine tenths, measure on the last; nats, bits and seconds."""
    text = (folder / "input.txt").read_text("utf-8")
    cut = len(text) * 9 // 10
    train, test = text[:cut], text[cut:]
    if quick:
        train, test = train[:20_000], test[:2_000]
        changes = {"hidden": 32, "layers": 1, "epochs": 2, "batch_size": 8} | changes
    model = SequenceGenerator(**(SETTINGS | changes | {"seed": seed}))
    begin, begin_cpu = time.perf_counter(), time.process_time()
    model.fit(train, progress=_Epochs())
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    if out is not None:
        model.save(out, force=True)
    score = model.score(test)
    return {
        "nll": round(score.nll, 4),
        "bits": round(score.bits, 4),
        "perplexity": round(score.perplexity, 4),
        "published": PUBLISHED,
        "floor": FLOOR,
        "watched": round(model.best_metric_, 4),
        "epochs": model.n_iter_,
        "parameters": model.parameters_,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a line, and write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="Folder tinyshakespeare.")
    parser.add_argument("--seed", type=int, default=0, help="Of the network.")
    parser.add_argument("--json", type=Path, help="File to write.")
    parser.add_argument("--out", type=Path, help="Folder of the bundle, to generate with.")
    parser.add_argument("--quick", action="store_true", help="20,000 characters, two epochs.")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=JSON", help="Settings to change, as epochs=4."
    )
    chosen = parser.parse_args(arguments)
    changes = {name: json.loads(value) for name, value in (s.split("=", 1) for s in chosen.set)}
    row = measured(chosen.data, chosen.seed, chosen.quick, changes, chosen.out)
    print(
        f"{row['nll']:.4f} nats a character (published {PUBLISHED}, floor {FLOOR}), "
        f"{row['cpu_seconds']:.0f} CPU s"
    )
    if chosen.json is not None:
        record = {
            "task": "tinyshakespeare",
            "seed": chosen.seed,
            "quick": chosen.quick,
            "settings": SETTINGS | changes,
            "row": row,
            "machine": machine(),
        }
        chosen.json.write_text(json.dumps(record, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
