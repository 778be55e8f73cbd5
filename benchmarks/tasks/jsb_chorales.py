"""JSB chorales: the negative log-likelihood of the next chord, as in Chung et al. 2014.

    python -m benchmarks.tasks.jsb_chorales --data DIR --seed 0 --json FILE [--quick]

DIR holds `train.jsonl`, `valid.jsonl` and `test.jsonl` (229, 76 and 77 chorales of 88 possible
notes). Summed over the notes of a frame, mean over all frames of all chorales. The first frame of
each chorale counts too: it is predicted from zeros and the initial state. The epoch is chosen on
valid. Published: Chung et al. 2014, arXiv:1412.3555, table 2 (GRU), and Bai et al. 2018,
arXiv:1803.01271, table 1 (GRU).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.command import Clock, changes, options, write
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
QUICK: dict[str, Any] = {"hidden": 16, "epochs": 2}


def read(folder: Path, part: str, most: int | None = None) -> list[Any]:
    """The chorales of one part."""
    return list(read_corpus(folder / f"{part}.jsonl", DataSettings()).inputs)[:most]


def measured(
    folder: Path, settings: dict[str, Any], *, quick: bool
) -> dict[str, float | dict[str, float]]:
    """Train on train, choose on valid, measure on test; nats a frame and seconds."""
    most = 12 if quick else None
    train, valid, test = (read(folder, part, most) for part in ("train", "valid", "test"))
    model = SequenceGenerator(**settings)
    with Clock() as clock:
        model.fit(train, valid=valid)
    return {
        "nll": round(model.score(test).nll, 4),
        "valid": round(model.score(valid).nll, 4),
        "published": PUBLISHED,
        "floor": FLOOR,
        "epochs": model.n_iter_,
        "parameters": model.parameters_,
        "seconds": clock.seconds,
        "cpu_seconds": clock.cpu_seconds,
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a line, and write JSON."""
    parser = options(__doc__, data="folder jsb_chorales", quick="12 chorales a part, two epochs")
    chosen = parser.parse_args(arguments)
    settings = SETTINGS | changes(chosen, QUICK) | {"seed": chosen.seed}
    row = measured(chosen.data, settings, quick=chosen.quick)
    said = ", ".join(f"{name} {figure}" for name, figure in PUBLISHED.items())
    print(
        f"test {row['nll']:.3f} nats a frame (valid {row['valid']:.3f}; {said}; floor {FLOOR}), "
        f"{row['cpu_seconds']:.0f} CPU s"
    )
    write("jsb_chorales", chosen, settings, [row])


if __name__ == "__main__":
    main()
