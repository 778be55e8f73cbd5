"""A search as a picture: the figure over the trials, and over each setting that was varied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from recurra.spec.report import TunedTrial
from recurra.spec.space import own_range, spelt
from recurra.train.pictures import COLOURS, Line, Panel, draw

__all__ = ["search_picture"]

_COLUMNS = 3


def search_picture(
    trials: Sequence[TunedTrial],
    names: Sequence[str],
    metric: str,
    direction: Literal["max", "min"],
) -> str:
    """An SVG: each finished trial is a dot, pruned ones are faint; failed ones have no figure.

    Args:
        trials: As the table has them.
        names: The settings that were varied.
        metric: The figure.
        direction: Which way it is better.
    """
    shown = [trial for trial in trials if trial["value"] is not None]
    numbers = [float(trial["trial"]) for trial in shown]
    spoken = metric.replace("_", " ")
    best = _best_so_far(shown, direction)
    panels = [
        Panel(
            f"{spoken.capitalize()} on the held-out part",
            "trial",
            [*_dots(shown, numbers), Line(best[0], best[1], COLOURS[1], label="best so far")],
        )
    ]
    for name in names:
        having = [trial for trial in shown if name in trial["settings"]]
        values = [trial["settings"][name] for trial in having]
        words = list(dict.fromkeys(sorted(map(spelt, values)))) if _named(values) else []
        x = [float(words.index(spelt(v)) if words else v) for v in values]
        log = (own_range(name) or "").endswith(":log") and min(x, default=0.0) > 0
        panels.append(
            Panel(
                spoken.capitalize(), name, _dots(having, x), log_x=log, words=list(enumerate(words))
            )
        )
    return draw(panels, "Search", columns=_COLUMNS)


def _dots(trials: Sequence[TunedTrial], x: Sequence[float]) -> list[Line]:
    lines = []
    for faint in (True, False):
        points = [
            (across, float(trial["value"] or 0.0))
            for across, trial in zip(x, trials, strict=True)
            if (trial["state"] != "finished") == faint
        ]
        if points:
            across, up = zip(*points, strict=True)
            lines.append(Line(across, up, COLOURS[0], faint=faint, dots=True))
    return lines


def _best_so_far(
    trials: Sequence[TunedTrial], direction: Literal["max", "min"]
) -> tuple[list[float], list[float]]:
    better = max if direction == "max" else min
    x: list[float] = []
    y: list[float] = []
    for trial in trials:
        if trial["state"] == "finished" and trial["value"] is not None:
            y.append(better(trial["value"], y[-1]) if y else trial["value"])
            x.append(float(trial["trial"]))
    return x, y


def _named(values: Sequence[Any]) -> bool:
    """Whether they are words, not numbers."""
    return any(isinstance(value, bool | str) for value in values)
