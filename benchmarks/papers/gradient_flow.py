"""Vanishing and exploding gradients: the norm of dh_T / dh_t over t, before and after training.

    python -m benchmarks.papers.gradient_flow --seed 0 --json FILE [--picture FILE.svg] [--quick]

Every cell learns the adding problem at T = 100 (`benchmarks.papers.adding`), with biases that begin
at zero and, where there is a gate, with chrono initialisation. The norm is the spectral one of the
exact Jacobian (`recurra.explain.flow`, in float64), the geometric mean over new cases; of an LSTM
that of h with c held, and that of c with h held. Each is checked against central differences in
the run. Published: Pascanu et al. 2013, arXiv:1211.5063 and Bengio et al. 1994 say why it falls or
grows exponentially; they give no such table.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch

from benchmarks.command import changes, options, write
from benchmarks.papers import adding
from benchmarks.papers.synthetic import Model, begun, learn
from recurra.explain import Flow, flow, flow_by_differences
from recurra.train.pictures import COLOURS, Line, Panel, draw

__all__ = ["SETTINGS", "Row", "checked", "main", "picture"]

SETTINGS: dict[str, Any] = adding.SETTINGS | {"length": 100, "steps": 600, "test": 500}
QUICK: dict[str, Any] = {"length": 20, "hidden": 4, "steps": 5, "test": 20}
CELLS = (
    ("rnn", "zeros"),
    ("gru", "zeros"),
    ("gru", "chrono"),
    ("lstm", "zeros"),
    ("lstm", "chrono"),
)
# Steps back from the last: those of the table, and those that are checked.
DISTANCES = (1, 10, 25, 50, 99)
_CHECKED = (0, 1, 10, 50)
# New cases over which the norm is averaged, and those on which it is checked.
_CASES, _WITNESSES = 8, 2


class Row(TypedDict):
    """One line of the table.

    Args:
        model: The cell, and how its biases begin.
        of: "h" or "c".
        trained: False: at the start.
        loss: Mean squared error of the adding problem; None at the start.
        log10: Of the norm, by steps back from the last.
        curve: The same at every step back.
        reach: Steps back to the furthest norm that is a hundredth of the largest.
        difference: The largest difference from central differences, |ours - theirs|, relative to
            theirs or to 1e-3, whichever is larger.
    """

    model: str
    of: str
    trained: bool
    loss: float | None
    log10: dict[str, float]
    curve: list[float]
    reach: int
    difference: float


def checked(model: Model, x: torch.Tensor, found: Flow) -> float:
    """How far the norms are from central differences, as `Row.difference`."""
    worst, time = 0.0, x.shape[1]
    for distance in _CHECKED:
        if distance < time:
            t = time - 1 - distance
            for name, theirs in flow_by_differences(model.layer, x[:_WITNESSES], t).items():
                ours = found.norms[name][:_WITNESSES, t]
                # Differences see nothing that is smaller than their own rounding.
                worst = max(worst, float(np.max(np.abs(ours - theirs) / np.maximum(theirs, 1e-3))))
    return worst


def rows_of(name: str, model: Model, x: torch.Tensor, loss: float | None) -> list[Row]:
    """A line for h, and one for the c of an LSTM."""
    found = flow(model.layer, x, dtype=torch.float64)
    difference = checked(model, x, found)
    rows = []
    for of in [of for of in ("h", "c") if of in found.log10]:
        curve = [round(float(value), 3) for value in found.by_distance(of)]
        rows.append(
            Row(
                model=name,
                of=of,
                trained=loss is not None,
                loss=loss,
                log10={str(k): curve[k] for k in DISTANCES if k < len(curve)},
                curve=curve,
                reach=found.reach(of=of),
                difference=difference,
            )
        )
    return rows


def measure(settings: Mapping[str, Any], seed: int) -> list[Row]:
    """Every cell, at the start and after training."""
    problem = adding.problem(settings["length"])
    x, _ = problem.cases(_CASES, torch.Generator().manual_seed(2**32 + seed))
    rows: list[Row] = []
    for cell, bias_init in CELLS:
        own = dict(settings) | adding.OWN.get(cell, {}) | {"cell": cell, "bias_init": bias_init}
        own["chrono_length"] = own["length"]
        name = cell if bias_init == "zeros" else f"{cell}, {bias_init}"
        made = rows_of(name, begun(problem, own, seed), x, None)
        learnt = learn(problem, own, seed)
        made += rows_of(name, learnt.model, x, learnt.loss)
        for row in made:
            print(shown(row), flush=True)
        rows += made
    return rows


def shown(row: Row) -> str:
    """A line for the eye."""
    when = "at the start" if row["loss"] is None else f"trained to {row['loss']:.2g}"
    norms = ", ".join(f"{back} back 1e{value:+.1f}" for back, value in row["log10"].items())
    return (
        f"{row['model']:<13}{row['of']}  {when:<18} {norms}; reach {row['reach']}, "
        f"differences {row['difference']:.0e}"
    )


def picture(rows: Sequence[Row]) -> str:
    """Norm over steps back, at the start and after training, as SVG."""
    names = list(dict.fromkeys((row["model"], row["of"]) for row in rows))
    panels = []
    for trained, title in ((False, "At the start"), (True, "After training")):
        lines = [
            Line(
                list(range(len(row["curve"]))),
                [10.0**value for value in row["curve"]],
                COLOURS[names.index((row["model"], row["of"])) % len(COLOURS)],
                label=_label(row),
            )
            for row in rows
            if row["trained"] is trained
        ]
        panels.append(
            Panel(
                f"{title}: norm of dh_T / dh_t",
                "T - t, steps back (*: chrono biases)",
                lines,
                log_y=True,
            )
        )
    return draw(panels, "How far gradients travel back")


def _label(row: Row) -> str:
    # The margin of a panel holds some eight letters.
    cell, _, bias_init = row["model"].partition(", ")
    slot = f" {row['of']}" if cell == "lstm" else ""
    return f"{cell.upper()}{slot}{'*' if bias_init else ''}"


def main(arguments: list[str] | None = None) -> list[Row]:
    """Measure, print a line each, write JSON and the picture."""
    parser = options(__doc__, quick="T = 20, four units, five steps: shows that it runs")
    parser.add_argument("--picture", type=Path, help="SVG to write")
    chosen: argparse.Namespace = parser.parse_args(arguments)
    settings = SETTINGS | changes(chosen, QUICK)
    rows = measure(settings, chosen.seed)
    if chosen.picture is not None:
        chosen.picture.write_text(picture(rows), "utf-8")
    write("gradient_flow", chosen, settings, rows)
    return rows


if __name__ == "__main__":
    main()
