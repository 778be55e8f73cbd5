"""What the commands that train share: their options, a line an epoch, a clock, and the JSON."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from recurra.spec.report import EpochRecord
from recurra.train.progress import Silent

__all__ = ["Clock", "Epochs", "changes", "options", "write"]


class Epochs(Silent):
    """A line an epoch on standard error: a run takes minutes."""

    def on_epoch(self, record: EpochRecord, best: bool) -> None:
        """What was learnt, and how good it is on the part that is watched."""
        print(
            f"epoch {record['epoch']}: loss {record['loss']:.4f}, watched {record['metric']:.4f}"
            f"{' (best)' if best else ''}, {time.process_time():.0f} CPU s",
            file=sys.stderr,
            flush=True,
        )


class Clock:
    """Wall time and processor time of what runs inside `with Clock() as clock`.

    Args:
        seconds: Of the wall.
        cpu_seconds: Over all threads.
    """

    def __init__(self) -> None:
        self.seconds = self.cpu_seconds = 0.0

    def __enter__(self) -> Clock:
        self._begin = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *raised: object) -> None:
        begin, begin_cpu = self._begin
        self.seconds = round(time.perf_counter() - begin, 2)
        self.cpu_seconds = round(time.process_time() - begin_cpu, 2)


def options(description: str | None, *, data: str = "", quick: str = "") -> argparse.ArgumentParser:
    """`--data DIR --seed S --json FILE --quick --set NAME=JSON ...`.

    Args:
        description: Of the command, line by line as it stands.
        data: What the folder is; empty: the command needs none.
        quick: What `--quick` does.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    if data:
        parser.add_argument("--data", type=Path, required=True, help=data)
    parser.add_argument("--seed", type=int, default=0, help="of the networks")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=JSON", help="settings to change, as epochs=4"
    )
    return parser


def changes(chosen: argparse.Namespace, quick: dict[str, Any]) -> dict[str, Any]:
    """The settings that this call changes: those of `--quick`, then those of `--set`."""
    pairs = (text.split("=", 1) for text in chosen.set)
    named = {name: json.loads(value) for name, value in pairs}
    return (quick if chosen.quick else {}) | named


def write(
    task: str,
    chosen: argparse.Namespace,
    settings: dict[str, Any],
    rows: Sequence[Any],
    **more: Any,
) -> None:
    """The JSON of a run, where `--json` asks for one.

    Args:
        task: Name of the command.
        chosen: Its options.
        settings: What was trained with.
        rows: One object a line of the table.
        more: Other keys.
    """
    if chosen.json is None:
        return
    tree = {
        "task": task,
        "seed": chosen.seed,
        "quick": chosen.quick,
        "settings": settings,
        **more,
        "rows": list(rows),
        "machine": machine(),
    }
    chosen.json.write_text(json.dumps(tree, indent=1, ensure_ascii=False) + "\n", "utf-8")
