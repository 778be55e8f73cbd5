"""What the benchmarks of taggers share: train, choose the epoch on dev, measure on test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.command import Clock, Epochs, changes, options, write
from recurra import SequenceTagger
from recurra.codecs import Cases, read_cases
from recurra.spec.settings import DataSettings

__all__ = ["Row", "measured", "run"]

# With --quick: enough to see that everything runs.
_QUICK: dict[str, Any] = {"hidden": 16, "embedding": 8, "epochs": 2, "min_count": 1}
_QUICK_CASES = 200


@dataclass(frozen=True)
class Row:
    """One trained tagger; figures in percent.

    Args:
        figure: Name of what is published.
        test: On the test part.
        dev: On the part that chose the epoch.
        floor: What is asked for.
        epoch: Of which the weights are.
        seconds: Of training, wall time; dev is measured after every epoch.
    """

    figure: str
    test: float
    dev: float
    accuracy: float
    published: str
    floor: float
    epoch: int
    parameters: int
    seconds: float
    cpu_seconds: float


def read(folder: Path, name: str, quick: bool) -> Cases:
    """The sentences of one part."""
    cases = read_cases(folder / name, DataSettings(task="tag"))
    return cases.subset(range(min(_QUICK_CASES, len(cases)))) if quick else cases


def measured(
    folder: Path,
    names: Sequence[str],
    settings: Mapping[str, Any],
    *,
    figure: str,
    published: str,
    floor: float,
    quick: bool,
) -> Row:
    """Train on the first file, choose the epoch on the second, measure on the third."""
    train, dev, test = (read(folder, name, quick) for name in names)
    tagger = SequenceTagger(**settings)
    with Clock() as clock:
        tagger.fit(train.inputs, train.targets, valid=(dev.inputs, dev.targets), progress=Epochs())
    on_test = tagger.evaluate(test.inputs, test.targets)
    on_dev = tagger.evaluate(dev.inputs, dev.targets)
    best = min(tagger.history_, key=lambda record: (-record["metric"], record["valid_loss"]))
    return Row(
        figure=figure,
        test=round(100 * on_test[figure], 2),
        dev=round(100 * on_dev[figure], 2),
        accuracy=round(100 * on_test["accuracy"], 2),
        published=published,
        floor=floor,
        epoch=best["epoch"],
        parameters=tagger.parameters_,
        seconds=clock.seconds,
        cpu_seconds=clock.cpu_seconds,
    )


def run(
    task: str,
    description: str,
    names: Sequence[str],
    settings: Mapping[str, Any],
    argv: Sequence[str] | None,
    **of: Any,
) -> Row:
    """The command `--data DIR --seed S --json FILE [--quick]`: print the row, write it as JSON.

    Args:
        task: Name of the benchmark.
        description: Of the command.
        names: Files of the three parts.
        settings: Of the tagger.
        argv: Arguments; None: those of the process.
        of: As `measured`'s.
    """
    quick = "200 sentences, two epochs, 16 units"
    parser = options(description, data="folder of the files", quick=quick)
    chosen = parser.parse_args(argv)
    used = {**settings, **changes(chosen, _QUICK), "seed": chosen.seed}
    row = measured(chosen.data, names, used, quick=chosen.quick, **of)
    print(
        f"{task}: {row.figure} {row.test:.2f} on test (dev {row.dev:.2f}, epoch {row.epoch}), "
        f"published {row.published}, floor {row.floor:.1f}, {row.seconds:.0f} s"
    )
    write(task, chosen, used, [asdict(row)])
    return row
