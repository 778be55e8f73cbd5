"""What a training leaves for the doctor: `signals.json` beside its `history.jsonl`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict, get_origin, get_type_hints

from recurra.errors import BundleError, DataError
from recurra.spec.canonical import json_from_bytes, json_to_bytes
from recurra.spec.disk import write_atomic
from recurra.spec.report import EpochRecord
from recurra.spec.settings import Settings

__all__ = ["SIGNALS", "Evidence", "Failure", "Gate", "Probe", "Signals", "Units", "finite"]

SIGNALS = "signals.json"
# Signals of another version are refused: a newer training writes them anew.
_VERSION = 1
# What a training writes ahead of its first step; the rest may be missing of one that was killed.
_ALWAYS = ("task", "settings", "sequences", "steps", "length")


class Gate(TypedDict):
    """The values of one gate over the probe: their mean, and the shares at either end."""

    mean: float
    shut: float
    open: float


class Units(TypedDict):
    """The units of one layer over the probe.

    Args:
        count: H.
        dead: Share whose output does not move.
        pinned: Share of outputs at the end of a bounded activation.
        largest: Absolute output.
        gates: By name; empty for layers without any.
    """

    count: int
    dead: float
    pinned: float
    largest: float
    gates: dict[str, Gate]


class Probe(TypedDict, total=False):
    """A network measured on a few training cases, dropout off.

    Args:
        layers: By name.
        weight_norm: Root of the summed squares of all that learns.
        moved: Norm of the change since the start, in units of the norm at the start.
        noise: Of single batches' gradients, their spread over the norm of their mean.
        reach: How far back a change of the state is felt at the end (see `probe`).
        loss: Of the probe's batches, dropout off.
    """

    layers: dict[str, Units]
    weight_norm: float
    moved: float
    noise: float
    loss: float
    reach: dict[str, Any]


class Failure(TypedDict):
    """How a training broke off."""

    message: str
    epoch: int


class Signals(TypedDict, total=False):
    """Everything that is recorded beside the history; what a task does not have is absent.

    Args:
        task: Its name.
        metric: The watched figure and "max" or "min".
        settings: All of them, by their leaf names.
        sequences: Cases to learn from and held out.
        steps: Optimiser steps an epoch.
        length: Median steps of a case.
        continued: Whether it went on from a bundle.
        inputs: Scale and memory of what the network reads.
        target: How the truth is spread, and what gives it away.
        naive: Figures, on the held-out part, of what needs no network.
        start, end, best: The network before its first step, after its last, and as it was kept.
        answers: How the held-out answers are spread.
        figures: On the held-out part.
        best_epoch: 0: none.
        stopped: "": unknown.
        failure: Of a training that broke off.
        overhead_s: CPU seconds that all of this took.
        fit_s: CPU seconds of the whole training.
    """

    version: int
    task: str
    metric: tuple[str, str]
    settings: dict[str, Any]
    sequences: dict[str, int]
    steps: int
    length: float
    continued: bool
    inputs: dict[str, Any]
    target: dict[str, Any]
    naive: dict[str, dict[str, float]]
    start: Probe
    end: Probe
    best: Probe
    answers: dict[str, Any]
    figures: dict[str, float]
    best_epoch: int
    stopped: str
    failure: Failure
    overhead_s: float
    fit_s: float


@dataclass(frozen=True)
class Evidence:
    """All that the doctor sees.

    Args:
        signals: As recorded.
        history: One record an epoch.
    """

    signals: Signals
    history: list[EpochRecord] = field(default_factory=list)

    @staticmethod
    def read(run: Path) -> Evidence:
        """The evidence of a training, finished, stopped or broken off.

        Args:
            run: OUT.run, or the bundle OUT beside which it stands.

        Raises:
            DataError: there are no signals of a training, or they cannot be read.
        """
        folder = run
        if not (folder / SIGNALS).is_file():
            beside = run.with_name(f"{run.name}.run") if run.name else run
            folder = beside if (beside / SIGNALS).is_file() else run
        path = folder / SIGNALS
        try:
            signals = json_from_bytes(path.read_bytes(), str(path))
            history = folder / "history.jsonl"
            lines = history.read_bytes().splitlines() if history.is_file() else []
            records = [
                json_from_bytes(line, f"{history}, line {number}")
                for number, line in enumerate(lines, 1)
            ]
        except (FileNotFoundError, NotADirectoryError):
            raise DataError(
                f"expected the working files of a training, OUT.run (or the bundle OUT beside it) "
                f"of recurra fit, found no {SIGNALS}: name the folder that fit was given as --out",
                path=run,
            ) from None
        except BundleError as error:
            raise DataError(f"{error}; or train anew") from None
        version = signals.get("version") if isinstance(signals, dict) else None
        if version != _VERSION:
            raise DataError(
                f"expected signals of version {_VERSION}, got {version!r}: train anew", path=path
            )
        _check(signals, path)
        for number, record in enumerate(records, 1):
            if not isinstance(record, dict) or not set(get_type_hints(EpochRecord)) <= set(record):
                raise DataError(
                    f"expected the figures of an epoch in line {number}, got {str(record)[:60]!r}: "
                    "copy it again, or train anew",
                    path=history,
                )
        # A setting that came after the training had its default in it.
        signals["settings"] = {**Settings().flat(), **signals["settings"]}
        return Evidence(signals, records)

    def write(self, folder: Path) -> None:
        """Put the signals into OUT.run; the history has been written by the training."""
        tree = {"version": _VERSION, **self.signals}
        write_atomic(folder / SIGNALS, json_to_bytes(finite(tree)) + b"\n")


def _check(signals: dict[str, Any], path: Path) -> None:
    """Refuse signals that lack what every training has, or hold something of another kind."""
    kinds = get_type_hints(Signals)
    missing = [name for name in _ALWAYS if name not in signals]
    if missing:
        raise DataError(
            f"expected {', '.join(_ALWAYS)}, found no {', '.join(missing)}: copy it again, or "
            "train anew",
            path=path,
        )
    for name, value in signals.items():
        kind = get_origin(kinds.get(name)) or kinds.get(name)
        if kind is None:
            continue
        expected = {float: (int, float), tuple: (list,), str: (str,), int: (int,)}.get(
            kind, (bool,) if kind is bool else (dict,)
        )
        if not isinstance(value, expected):
            raise DataError(
                f"expected of {name} a {expected[-1].__name__}, got {str(value)[:60]!r}: copy it "
                "again, or train anew",
                path=path,
            )


def finite(tree: Any) -> Any:
    """A tree as it will be read back: with null for numbers that JSON does not know."""
    if isinstance(tree, Mapping):
        return {str(name): finite(value) for name, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [finite(value) for value in tree]
    if isinstance(tree, float) and not math.isfinite(tree):
        return None
    if isinstance(tree, Path):
        return str(tree)
    return tree
