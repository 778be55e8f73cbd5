"""Pictures of trainings as SVG, which any browser shows and no library is needed for."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from statistics import fmean
from typing import Literal

from recurra.spec.report import EpochRecord
from recurra.train.fonts import SVG_FAMILIES

__all__ = ["Curve", "Line", "Panel", "draw", "learning_curves"]

INK, PALE, GRID = "#1f2933", "#6b7785", "#e4e7eb"
_Point = tuple[float, float]
# Okabe and Ito's colours, which people who see fewer colours can tell apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444")
# Of one panel, in pixels: the whole, and what is left around the lines for words and figures.
_WIDTH, _HEIGHT = 400, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 62, 40, 44
# A range wider than this is shown by its logarithm.
_WIDE = 50.0
# What XML cannot hold, not even escaped.
_NO_XML = re.compile("[^\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Between two labels at the ends of lines.
_APART = 13.0
_TICKS = 5
# The share of a line, 1 / this, that is its beginning.
_EARLY = 5


@dataclass(frozen=True)
class Line:
    """A line of a panel.

    Args:
        x: Rising.
        y: Of the same number; what is not finite leaves a gap.
        colour: Of the line and its label.
        label: At its end; "": none.
        faint: One of many.
        dots: Its points alone, in any order.
    """

    x: Sequence[float]
    y: Sequence[float]
    colour: str
    label: str = ""
    faint: bool = False
    dots: bool = False


@dataclass(frozen=True)
class Panel:
    """Lines on one pair of axes.

    Args:
        title: Above it.
        across: What x is.
        lines: To draw.
        log_x: Show x by its logarithm.
        log_y: The same for y; None: where its range is wide.
        marks: x and a word: a dashed line upright.
        words: x and what stands below it, where that is no figure.
        settled: Show the heights of the later part of each line; how far beneath it began is cut.
    """

    title: str
    across: str
    lines: Sequence[Line]
    log_x: bool = False
    log_y: bool | None = None
    marks: Sequence[tuple[float, str]] = field(default=())
    words: Sequence[tuple[float, str]] = field(default=())
    settled: bool = False


@dataclass(frozen=True)
class Curve:
    """How one training went.

    Args:
        name: Of what was trained; trainings of the same name share a colour.
        history: Its records.
        epoch_seconds: What an epoch took.
    """

    name: str
    history: Sequence[EpochRecord]
    epoch_seconds: float


def learning_curves(curves: Sequence[Curve], metric: str) -> str:
    """Loss and metric over the epochs, and the metric over the time that the training took.

    A faint line is one training; a strong one the mean of those of one name, as far as all go.
    """
    spoken = metric.replace("_", " ")
    watched = f"{spoken.capitalize()} on the watched part"
    panels = [
        Panel("Loss on the training part", "epoch", _lines(curves, "loss", timed=False)),
        Panel(watched, "epoch", _lines(curves, "metric", timed=False), settled=True),
        Panel(watched, "seconds of training", _lines(curves, "metric", timed=True), settled=True),
    ]
    return draw(panels, "Learning curves")


def _lines(curves: Sequence[Curve], key: Literal["loss", "metric"], *, timed: bool) -> list[Line]:
    found: list[Line] = []
    for k, name in enumerate(dict.fromkeys(curve.name for curve in curves)):
        colour = COLOURS[k % len(COLOURS)]
        own = [
            Line(
                [
                    record["epoch"] * (curve.epoch_seconds if timed else 1)
                    for record in curve.history
                ],
                [record[key] for record in curve.history],
                colour,
                faint=True,
            )
            for curve in curves
            if curve.name == name and curve.history
        ]
        if own:
            # zip ends with the shortest: a mean of fewer trainings would jump there.
            across = [fmean(values) for values in zip(*(line.x for line in own), strict=False)]
            up = [fmean(values) for values in zip(*(line.y for line in own), strict=False)]
            found += [*own, Line(across, up, colour, label=name)]
    return found


def draw(panels: Sequence[Panel], title: str, columns: int | None = None) -> str:
    """Panels as one SVG, so many side by side; None: all of them."""
    columns = min(columns or len(panels), len(panels))
    width, height = _WIDTH * columns, _HEIGHT * math.ceil(len(panels) / columns)
    body = "".join(
        f'<g transform="translate({_WIDTH * (k % columns)} {_HEIGHT * (k // columns)})">'
        f"{_panel(panel)}</g>"
        for k, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" '
        f'font-family="{SVG_FAMILIES}" font-size="11">'
        f"<title>{_escaped(title)}</title>"
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>{body}</svg>\n'
    )


def _panel(panel: Panel) -> str:
    x = _Axis.over([v for line in panel.lines for v in line.x], _LEFT, _WIDTH - _RIGHT, panel.log_x)
    heights = [
        v for line in panel.lines for v in line.y[len(line.y) // _EARLY if panel.settled else 0 :]
    ]
    y = _Axis.over(heights, _HEIGHT - _BOTTOM, _TOP, panel.log_y)
    parts = [_text(_LEFT, 22, panel.title, INK, size=13, weight="bold")]
    for value in y.ticks():
        at = y.place(value)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}" '
            f'stroke="{GRID}"/>'
        )
        parts.append(_text(_LEFT - 7, at + 4, _figure(value), PALE, anchor="end"))
    for value, below in panel.words or [(tick, _figure(tick)) for tick in x.ticks()]:
        parts.append(_text(x.place(value), _HEIGHT - _BOTTOM + 16, below, PALE, anchor="middle"))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(_text(middle, _HEIGHT - 8, panel.across, PALE, anchor="middle"))
    for at, word in panel.marks:
        place = x.place(at)
        parts.append(
            f'<line x1="{place:.1f}" x2="{place:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" '
            f'stroke="{INK}" stroke-dasharray="4 3"/>'
        )
        parts.append(_text(place, _TOP - 4, word, INK, anchor="middle"))
    for line in sorted(panel.lines, key=lambda line: not line.faint):
        parts.append(_points(line, x, y) if line.dots else _path(line, x, y))
    return "".join([*parts, *_labels(panel.lines, y)])


@dataclass(frozen=True)
class _Axis:
    """Values low to high on pixels begin to end."""

    low: float
    high: float
    begin: float
    end: float
    log: bool

    @staticmethod
    def over(values: Sequence[float], begin: float, end: float, log: bool | None) -> _Axis:
        finite = [v for v in values if math.isfinite(v)]
        low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
        if log is None:
            log = low > 0 and high / low > _WIDE
        if low == high:
            low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
        return _Axis(low, high, begin, end, log)

    def place(self, value: float) -> float:
        """The pixel."""
        low, high = (math.log(v) if self.log else v for v in (self.low, self.high))
        share = ((math.log(value) if self.log else value) - low) / (high - low)
        return self.begin + share * (self.end - self.begin)

    def ticks(self) -> list[float]:
        """Round values within."""
        if self.log:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            decades = [10.0**k for k in range(first, last + 1)]
            every = max(1, math.ceil(len(decades) / _TICKS))
            if len(decades) > 1:
                return decades[::every]
        rough = (self.high - self.low) / _TICKS
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * k for k in (1, 2, 2.5, 5, 10) if unit * k >= rough)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [k * step for k in range(first, last + 1)]


def _points(line: Line, x: _Axis, y: _Axis) -> str:
    look = 'opacity="0.3"' if line.faint else 'opacity="0.85"'
    return "".join(
        f'<circle cx="{x.place(a):.1f}" cy="{y.place(b):.1f}" r="3.5" fill="{line.colour}" {look}/>'
        for a, b in zip(line.x, line.y, strict=True)
        if math.isfinite(b)
    )


def _path(line: Line, x: _Axis, y: _Axis) -> str:
    points = [
        (x.place(across), y.place(up)) if math.isfinite(up) else None
        for across, up in zip(line.x, line.y, strict=True)
    ]
    drawn, end = [], None
    for first, last in pairwise(points):
        piece = _within(first, last) if first and last else None
        if piece is None:
            continue
        begin, after = piece
        if begin != end:
            drawn.append(f"M{begin[0]:.1f} {begin[1]:.1f}")
        drawn.append(f"L{after[0]:.1f} {after[1]:.1f}")
        end = after
    look = 'stroke-width="1" opacity="0.25"' if line.faint else 'stroke-width="2.2"'
    return (
        f'<path d="{"".join(drawn)}" fill="none" stroke="{line.colour}" '
        f'stroke-linejoin="round" {look}/>'
    )


def _within(first: _Point, last: _Point) -> tuple[_Point, _Point] | None:
    """The part of a stretch that is between the upper and the lower edge of a panel."""
    top, bottom = float(_TOP), float(_HEIGHT - _BOTTOM)

    def cut(inner: _Point, outer: _Point) -> _Point:
        """`outer`, moved along the stretch to the edge that it is beyond."""
        edge = min(max(outer[1], top), bottom)
        if edge == outer[1]:
            return outer
        share = (edge - inner[1]) / (outer[1] - inner[1])
        return inner[0] + share * (outer[0] - inner[0]), edge

    if max(first[1], last[1]) < top or min(first[1], last[1]) > bottom:
        return None
    return cut(last, first), cut(first, last)


def _labels(lines: Sequence[Line], y: _Axis) -> list[str]:
    """The names in the right margin, as high as their lines end, moved apart where they meet."""
    named = [line for line in lines if line.label and any(map(math.isfinite, line.y))]
    ends = {line.label: [v for v in line.y if math.isfinite(v)][-1] for line in named}
    named.sort(key=lambda line: y.place(ends[line.label]))
    places: list[float] = []
    for line in named:
        lowest = places[-1] + _APART if places else -math.inf
        places.append(max(y.place(ends[line.label]), lowest))
    beyond = max(0.0, places[-1] - (_HEIGHT - _BOTTOM)) if places else 0.0
    return [
        _text(_WIDTH - _RIGHT + 6, place - beyond + 4, line.label, line.colour, weight="bold")
        for place, line in zip(places, named, strict=True)
    ]


def _text(
    x: float,
    y: float,
    words: str,
    colour: str,
    *,
    anchor: str = "start",
    size: int = 11,
    weight: str = "normal",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" '
        f'font-size="{size}" font-weight="{weight}">{_escaped(words)}</text>'
    )


def _escaped(words: str) -> str:
    return escape(_NO_XML.sub(" ", words))


def _figure(value: float) -> str:
    return f"{value:.4g}"
