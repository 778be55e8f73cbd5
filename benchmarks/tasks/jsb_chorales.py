"""JSB chorales: the negative log-likelihood of the next chord, as in Chung et al. 2014.

    python -m benchmarks.tasks.jsb_chorales --data DIR --seed 0 --json FILE [--quick]

DIR holds `train.jsonl`, `valid.jsonl` and `test.jsonl` (229, 76 and 77 chorales of 88 possible
notes). Summed over the notes of a frame, mean over all frames of all chorales. The first frame of
each chorale counts too: it is predicted from zeros and the initial state. The epoch is chosen on
valid. Published: Chung et al. 2014, arXiv:1412.3555, table 2 (GRU), and Bai et al. 2018,
arXiv:1803.01271, table 1 (GRU).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from recurra import SequenceGenerator
from recurra.codecs import read_corpus
from recurra.spec.settings import DataSettings

__all__ = ["FLOOR", "PUBLISHED", "SETTINGS", "main", "measured"]

# Nats a frame.
PUBLISHED = {"Chung 2014, GRU": 8.54, "Bai 2018, GRU": 8.43}
FLOOR = 8.5
SETTINGS: dict[str, Any] = {
    "cell": "gru",
    "hidden": 512,
    "dropout": 0.5,
    "input_dropout": 0.0,
    "window": 64,
    "batch_size": 16,
    "epochs": 100,
    "learning_rate": 2e-3,
    "weight_decay": 0.3,
    "patience": 20,
    "frame_width": 88,
    "precision": "bfloat16",
    "threads": 1,
}


def read(folder: Path, part: str, most: int | None = None) -> list[Any]:
    """The chorales of one part."""
    return list(read_corpus(folder / f"{part}.jsonl", DataSettings()).inputs)[:most]


def measured(
    folder: Path, seed: int, quick: bool, changes: dict[str, Any]
) -> dict[str, float | dict[str, float]]:
    """Train on train, choose on valid, measure on test; nats a frame and seconds."""
    most = 12 if quick else None
    train, valid, test = (read(folder, part, most) for part in ("train", "valid", "test"))
    if quick:
        changes = {"hidden": 16, "epochs": 2} | changes
    model = SequenceGenerator(**(SETTINGS | changes | {"seed": seed}))
    begin, begin_cpu = time.perf_counter(), time.process_time()
    model.fit(train, valid=valid)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    return {
        "nll": round(model.score(test).nll, 4),
        "valid": round(model.score(valid).nll, 4),
        "published": PUBLISHED,
        "floor": FLOOR,
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
    parser.add_argument("--data", type=Path, required=True, help="Folder jsb_chorales.")
    parser.add_argument("--seed", type=int, default=0, help="Of the network.")
    parser.add_argument("--json", type=Path, help="File to write.")
    parser.add_argument("--quick", action="store_true", help="12 chorales a part, two epochs.")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=JSON", help="Settings to change, as epochs=4."
    )
    chosen = parser.parse_args(arguments)
    changes = {name: json.loads(value) for name, value in (s.split("=", 1) for s in chosen.set)}
    row = measured(chosen.data, chosen.seed, chosen.quick, changes)
    said = ", ".join(f"{name} {figure}" for name, figure in PUBLISHED.items())
    print(
        f"test {row['nll']:.3f} nats a frame (valid {row['valid']:.3f}; {said}; floor {FLOOR}), "
        f"{row['cpu_seconds']:.0f} CPU s"
    )
    if chosen.json is not None:
        record = {
            "task": "jsb_chorales",
            "seed": chosen.seed,
            "quick": chosen.quick,
            "settings": SETTINGS | changes,
            "row": row,
            "machine": machine(),
        }
        chosen.json.write_text(json.dumps(record, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
