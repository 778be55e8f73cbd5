"""A picture is one well-formed SVG that shows every line inside its panel."""

import itertools
import math
import re
from xml.etree import ElementTree

import pytest

from recurra.spec.report import EpochRecord
from recurra.train.pictures import Curve, Line, Panel, draw, learning_curves

SVG = "{http://www.w3.org/2000/svg}"


def record(epoch: int, metric: float) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        loss=1 / epoch,
        valid_loss=1.0,
        metric=metric,
        learning_rate=0.1,
        gradient_norm=1.0,
        clipped=0.0,
        seconds=0.5,
    )


def points(svg: str) -> list[list[tuple[float, float]]]:
    paths = ElementTree.fromstring(svg).iter(f"{SVG}path")
    return [
        [(float(x), float(y)) for x, y in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path.get("d", ""))]
        for path in paths
    ]


def texts(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_every_training_and_every_mean_is_drawn() -> None:
    curves = [
        Curve(name, [record(e, 0.1 * e + seed / 100) for e in range(1, 5 + seed)], 0.25)
        for name in ("gru", "lstm")
        for seed in (0, 1)
    ]
    svg = learning_curves(curves, "macro_f1")
    lines = points(svg)
    # Two names of two trainings and a mean, in three panels.
    assert len(lines) == 3 * 2 * 3
    assert all(len(line) >= 4 for line in lines)
    for line in lines:
        assert all(0 <= x <= 400 and 0 <= y <= 300 for x, y in line)
    assert texts(svg).count("gru") == 3
    assert "Macro f1 on the watched part" in texts(svg)


def test_higher_values_stand_higher() -> None:
    (line,) = points(draw([Panel("p", "x", [Line([1, 2, 3], [0.0, 5.0, 1.0], "#000")])], "t"))
    heights = [y for _, y in line]
    assert heights[1] < heights[2] < heights[0]
    assert line[0][0] < line[1][0] < line[2][0]


def test_a_logarithm_gives_each_decade_the_same_room() -> None:
    lines = [Line([1e-4, 1e-3, 1e-2], [1.0, 10.0, 100.0], "#000")]
    svg = draw([Panel("p", "x", lines, log_x=True)], "t")
    ((first, second, third),) = points(svg)
    assert second[0] - first[0] == pytest.approx(third[0] - second[0], abs=0.2)
    assert first[1] - second[1] == pytest.approx(second[1] - third[1], abs=0.2)
    assert {"0.0001", "0.001", "0.01"} <= set(texts(svg))


def test_what_is_not_finite_leaves_a_gap() -> None:
    y = [1.0, 2.0, math.nan, 2.0, 3.0]
    svg = draw([Panel("p", "x", [Line([1, 2, 3, 4, 5], y, "#000")])], "t")
    (line,) = points(svg)
    assert len(line) == 4
    assert re.search(r'd="M[\d. ]+L[\d. ]+M[\d. ]+L[\d. ]+"', svg)


def test_the_beginning_of_a_settled_line_is_cut_at_the_edge() -> None:
    """0 at first, then 10 to 11: the panel shows 10 to 11, and the line from where it enters."""
    y = [0.0, 0.0, 10.5, *[10.0 + k / 7 for k in range(8)]]
    lines = [Line(list(range(11)), y, "#000")]
    (whole,) = points(draw([Panel("p", "x", lines)], "t"))
    (cut,) = points(draw([Panel("p", "x", lines, settled=True)], "t"))
    assert len(whole) == 11
    assert len(cut) == 10
    heights = [height for _, height in cut]
    assert max(heights) == heights[0] == 300 - 44
    assert min(heights) == heights[-1] == 40


@pytest.mark.parametrize("y", [[], [1.0], [2.0, 2.0], [0.0, 0.0]])
def test_little_can_be_drawn_too(y: list[float]) -> None:
    svg = draw([Panel("p", "x", [Line(list(range(len(y))), y, "#000", label="a")])], "t")
    assert ElementTree.fromstring(svg).tag == f"{SVG}svg"


def test_labels_do_not_cover_one_another_and_words_are_escaped() -> None:
    lines = [Line([0, 1], [0.0, 1.0], "#000", label=f"a<{k}") for k in range(4)]
    svg = draw([Panel("p & q", "x", lines, marks=[(0.5, "here")])], "t")
    root = ElementTree.fromstring(svg)
    heights = sorted(
        float(e.get("y", "0")) for e in root.iter(f"{SVG}text") if (e.text or "").startswith("a<")
    )
    assert all(b - a >= 12.9 for a, b in itertools.pairwise(heights))
    assert {"p & q", "here"} <= set(texts(svg))


def test_words_of_any_script_are_shown_whole() -> None:
    """Chinese, emoji and what XML must escape; what XML cannot hold becomes a space."""
    words = '好评👍 <b> & "引号" ｜全角'
    panel = Panel(words, "时间", [Line([0, 1], [0, 1], "#000", label="差评\x00\ufffe")])
    svg = draw([panel], "标题\x1b")
    ElementTree.fromstring(svg.encode("utf-8"))
    assert texts(svg)[0] == words
    assert {"时间", "差评  "} <= set(texts(svg))
    assert "Noto Sans CJK SC" in str(ElementTree.fromstring(svg).get("font-family"))
