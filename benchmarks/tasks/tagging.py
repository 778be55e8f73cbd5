"""What the benchmarks of taggers share: train, choose the epoch on dev, measure on test."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from recurra import SequenceTagger
from recurra.codecs import Cases, read_cases
from recurra.spec.report import EpochRecord
from recurra.spec.settings import DataSettings
from recurra.train.progress import Silent

__all__ = ["Row", "measured", "run"]

# With --quick: enough to see that everything runs.
_QUICK: Mapping[str, Any] = {"hidden": 16, "embedding": 8, "epochs": 2, "min_count": 1}
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


class _Epochs(Silent):
    """A line an epoch on standard error: a run takes minutes."""

    def on_epoch(self, record: EpochRecord, best: bool) -> None:
        """What was learnt, and how well dev is tagged."""
        print(
            f"epoch {record['epoch']}: loss {record['loss']:.4f}, dev {record['metric']:.4f}"
            f"{' (best)' if best else ''}, {time.process_time():.0f} CPU s",
            file=sys.stderr,
            flush=True,
        )


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
    seed: int,
    quick: bool,
) -> Row:
    """Train on the first file, choose the epoch on the second, measure on the third."""
    train, dev, test = (read(folder, name, quick) for name in names)
    chosen = {**settings, **(_QUICK if quick else {}), "seed": seed}
    tagger = SequenceTagger(**chosen)
    begin, begin_cpu = time.perf_counter(), time.process_time()
    tagger.fit(train.inputs, train.targets, valid=(dev.inputs, dev.targets), progress=_Epochs())
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
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
        seconds=round(seconds, 1),
        cpu_seconds=round(cpu, 1),
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
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True, help="folder of the files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="where to write the row")
    parser.add_argument("--quick", action="store_true", help="200 sentences, two epochs, 16 units")
    chosen = parser.parse_args(argv)
    row = measured(chosen.data, names, settings, seed=chosen.seed, quick=chosen.quick, **of)
    print(
        f"{task}: {row.figure} {row.test:.2f} on test (dev {row.dev:.2f}, epoch {row.epoch}), "
        f"published {row.published}, floor {row.floor:.1f}, {row.seconds:.0f} s"
    )
    if chosen.json is not None:
        tree = {
            "task": task,
            "seed": chosen.seed,
            "quick": chosen.quick,
            "machine": machine(),
            "settings": dict(settings),
            "rows": [asdict(row)],
        }
        chosen.json.write_text(json.dumps(tree, indent=1) + "\n", "utf-8")
    return row
