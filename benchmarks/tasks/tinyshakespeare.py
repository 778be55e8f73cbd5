"""Tiny Shakespeare, character by character: nats a character on the last tenth of the text.

    python -m benchmarks.tasks.tinyshakespeare --data DIR --seed 0 --json FILE [--quick]

DIR holds `input.txt` (1,115,394 characters). The first 90 % are learnt from, their last 0.5 %
choose the epoch; the test text is read as one stream whose state goes on from its first character
to its last. Published: the minGRU of Feng et al. 2024, arXiv:2410.01201, whose windows begin anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.command import Clock, Epochs, changes, options, write
from recurra import SequenceGenerator

__all__ = ["FLOOR", "PUBLISHED", "SETTINGS", "main", "measured"]

# Nats a character.
PUBLISHED, FLOOR = 1.548, 1.49
# The recurrent weights are dropped and each dropout is drawn once a window: without, the network
# learns the plays by heart after ten epochs. Next to nothing is held out: the test begins in the
# middle of a play whose names are learnt from its first acts, at the end of the training text.
SETTINGS: dict[str, Any] = {
    "cell": "gru",
    "hidden": 512,
    "layers": 2,
    "embedding": 64,
    "dropout": 0.35,
    "input_dropout": 0.1,
    "variational": True,
    "weight_dropout": 0.4,
    "window": 64,
    "batch_size": 32,
    "epochs": 16,
    "learning_rate": 2e-3,
    "weight_decay": 0.1,
    "average": 0.998,
    "precision": "bfloat16",
    "valid_fraction": 0.005,
    "patience": 0,
    "threads": 2,
}
QUICK: dict[str, Any] = {"hidden": 32, "layers": 1, "epochs": 2, "batch_size": 8}


def measured(
    folder: Path, settings: dict[str, Any], *, quick: bool, out: Path | None = None
) -> dict[str, float]:
    """Train on the first nine tenths, measure on the last; nats, bits and seconds."""
    text = (folder / "input.txt").read_text("utf-8")
    cut = len(text) * 9 // 10
    train, test = text[:cut], text[cut:]
    if quick:
        train, test = train[:20_000], test[:2_000]
    model = SequenceGenerator(**settings)
    with Clock() as clock:
        model.fit(train, progress=Epochs())
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
        "seconds": clock.seconds,
        "cpu_seconds": clock.cpu_seconds,
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a line, and write JSON."""
    parser = options(__doc__, data="folder tinyshakespeare", quick="20,000 characters, two epochs")
    parser.add_argument("--out", type=Path, help="folder of the bundle, to generate with")
    chosen = parser.parse_args(arguments)
    settings = SETTINGS | changes(chosen, QUICK) | {"seed": chosen.seed}
    row = measured(chosen.data, settings, quick=chosen.quick, out=chosen.out)
    print(
        f"{row['nll']:.4f} nats a character (published {PUBLISHED}, floor {FLOOR}), "
        f"{row['cpu_seconds']:.0f} CPU s"
    )
    write("tinyshakespeare", chosen, settings, [row])


if __name__ == "__main__":
    main()
