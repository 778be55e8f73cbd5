"""One sentence: which difference is real, which is noise, and whether a network is worth it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from recurra.spec.report import Difference
from recurra.train.baselines import Baseline

__all__ = ["Scored", "number", "verdict"]


class Scored(Protocol):
    """A name and a mean."""

    @property
    def name(self) -> str:
        """Of the cell."""

    @property
    def mean(self) -> float:
        """Of the metric."""


def verdict(
    cells: Sequence[Scored],
    baselines: Sequence[Baseline],
    differences: Sequence[Difference],
    *,
    metric: str,
    direction: str,
    failed: Sequence[str] = (),
    others: Sequence[str] = (),
) -> str:
    """The sentence.

    Args:
        cells: Those that are ranked.
        baselines: That have the metric.
        differences: Of these, as the report gives them.
        metric: Its name.
        direction: "max" or "min".
        failed: Cells that are not ranked, because a training failed.
        others: Names of networks of another kind, without a recurrent cell.
    """
    are = "is" if len(failed) == 1 else "are"
    also = f"; {_listed(failed)} failed and {are} not ranked" if failed else ""
    if not cells:
        return f"No cell could be trained with every seed, so there is nothing to compare{also}."
    sign = 1 if direction == "max" else -1
    best = max(cells, key=lambda c: sign * c.mean)
    baseline = max(baselines, key=lambda b: sign * b.figures[metric], default=None)
    ours = [d for d in differences if d["first"] == best.name]
    ranked = {c.name for c in cells}
    against = [d for d in ours if d["second"] in ranked]
    opening = f"{best.name} has the best {metric.replace('_', ' ')}, {number(best.mean)}"
    if any(d["real"] is None for d in ours):
        return (
            f"{opening}, but one seed gives no interval, so nothing says whether a difference is "
            f"real or noise: take --seeds 5{also}."
        )
    clauses = [_rivals(against, sign)] if against else []
    if best.name in others and clauses:
        clauses[0] += _tool([d for d in against if d["second"] not in others])
    if baseline is not None:
        (found,) = (d for d in ours if d["second"] == baseline.name)
        tool = "a network" if best.name in others else "a gated network"
        clauses.append(_baseline(found, baseline.figures[metric], sign, tool))
    return f"{opening}{': ' if clauses else ''}{'; '.join(clauses)}{also}."


def number(value: float) -> str:
    """A figure to four significant digits."""
    # A zero has no sign here.
    return f"{value + 0.0:.4g}"


def _rivals(differences: Sequence[Difference], sign: int) -> str:
    real = [_told(d, sign) for d in differences if d["real"]]
    noise = [_told(d, sign) for d in differences if not d["real"]]
    clauses = []
    if real:
        clauses.append(f"its lead over {_listed(real)} is real")
    if noise:
        clauses.append(f"{'that' if real else 'its lead'} over {_listed(noise)} is noise")
    return ", ".join(clauses)


def _tool(cells: Sequence[Difference]) -> str:
    """What it means for the cells that a network of another kind leads."""
    if not cells:
        return ""
    if all(d["real"] for d in cells):
        return ", so a gated network is the wrong tool here"
    return ", so nothing here speaks against a gated network"


def _told(difference: Difference, sign: int) -> str:
    return f"{difference['second']} ({_by(difference, sign)})"


def _by(difference: Difference, sign: int) -> str:
    """By how much the first is better, and within which limits."""
    assert difference["interval"] is not None  # with one seed nothing is told
    low, high = sorted(sign * limit for limit in difference["interval"])
    return f"{number(sign * difference['difference'])}, {number(low)} to {number(high)}"


def _baseline(found: Difference, figure: float, sign: int, tool: str) -> str:
    name = f"the best baseline, {found['second'].replace('_', ' ')} ({number(figure)})"
    if not found["real"]:
        return (
            f"its difference to {name}, is noise ({_by(found, sign)}), so {tool} may be the wrong "
            "tool here"
        )
    if sign * found["difference"] < 0:
        return f"{name}, is really better ({_by(found, sign)}): {tool} is the wrong tool here"
    return f"{name}, is really worse (by {_by(found, sign)})"


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
