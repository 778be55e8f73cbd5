"""What a search has found: the best settings as a TOML, a table of the trials, a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from recurra.spec.canonical import json_to_bytes
from recurra.spec.disk import write_atomic
from recurra.spec.report import TunedTrial, Tuning
from recurra.spec.settings import Settings, without_unread
from recurra.spec.toml import plain_toml
from recurra.train.tune_picture import search_picture
from recurra.train.tune_study import Shared
from recurra.train.tune_trial import Searched, told

__all__ = ["best_of", "write_results"]

_BEST, _PICTURE, _REPORT = "best.toml", "tune.svg", "tune.json"
_TABLES = ("trials.csv", "trials.jsonl")
_COLUMNS = ("trial", "state", "value", "epochs", "best_epoch", "parameters", "seconds")


def best_of(trials: Sequence[TunedTrial], direction: Literal["max", "min"]) -> TunedTrial | None:
    """The finished trial with the best figure, of equal ones the first; None: none has finished."""
    sign = -1 if direction == "max" else 1
    ranked = [
        (sign * trial["value"], trial["trial"], trial)
        for trial in trials
        if trial["state"] == "finished" and trial["value"] is not None
    ]
    return min(ranked, key=lambda entry: entry[:2])[2] if ranked else None


def write_results(
    shared: Shared, searched: Searched, metric: tuple[str, Literal["max", "min"]], folder: Path
) -> Tuning:
    """Write everything that there is so far, each file whole."""
    trials = [told(trial) for trial in shared.study.get_trials(deepcopy=False)]
    best = best_of(trials, metric[1])
    if best is not None:
        opening = (
            f"Found by recurra tune: trial {best['trial']} of {len(trials)}, {metric[0]} "
            f"{best['value']:.6g} on the held-out part.\n"
            "recurra fit DATA --config FILE trains it; the same DATA and --valid give this figure."
        )
        chosen = without_unread(Settings.from_flat(best["settings"], searched.settings))
        text = plain_toml(chosen, opening)
        write_atomic(folder / _BEST, text.encode("utf-8"))
    names = list(shared.distributions)
    write_atomic(folder / _TABLES[0], _table(trials, names).encode("utf-8"))
    lines = [json_to_bytes(dict(trial), indent=None) + b"\n" for trial in trials]
    write_atomic(folder / _TABLES[1], b"".join(lines))
    write_atomic(folder / _PICTURE, search_picture(trials, names, *metric).encode("utf-8"))
    found = Tuning(
        task=shared.study.user_attrs["identity"]["task"],
        metric=metric[0],
        direction=metric[1],
        trials=trials,
        finished=_count(trials, "finished"),
        pruned=_count(trials, "pruned"),
        failed=_count(trials, "failed"),
        running=_count(trials, "running"),
        best=best,
        config=str(folder / _BEST) if best is not None else None,
        table=str(folder / _TABLES[0]),
        picture=str(folder / _PICTURE),
    )
    write_atomic(folder / _REPORT, json_to_bytes(dict(found)) + b"\n")
    return found


def _count(trials: Sequence[TunedTrial], state: str) -> int:
    return sum(trial["state"] == state for trial in trials)


def _table(trials: Sequence[TunedTrial], names: Sequence[str]) -> str:
    """A row a trial; what is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_COLUMNS, *names, "why"])
    for trial in trials:
        known: dict[str, Any] = dict(trial)
        row = [known[name] for name in _COLUMNS]
        row += [trial["settings"].get(name) for name in names]
        writer.writerow([*row, trial["why"]])
    return text.getvalue()
