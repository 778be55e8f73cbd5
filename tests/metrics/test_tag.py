"""Law: spans are counted as conlleval counts them, and the scheme that spells them is no matter."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.errors import ShapeError
from recurra.metrics.tag import span_figures, span_table, step_accuracy, step_table, tag_figures
from recurra.spec.schemes import converted

# The first sentence of conlleval's own example file: the corpus' tags, then the chunker's.
EXAMPLE = """
B-NP I-NP I-NP B-NP I-NP I-NP B-VP B-NP B-VP B-NP I-NP I-NP B-VP B-NP I-NP B-PP B-NP I-NP B-VP I-VP
B-NP I-NP B-PP B-NP B-NP I-NP I-NP O

I-NP I-NP I-NP B-NP I-NP I-NP B-VP B-NP B-VP B-NP I-NP I-NP B-VP B-NP I-NP B-PP I-NP I-NP B-PP I-VP
I-NP I-NP B-PP I-NP B-NP I-NP I-NP O
"""
TRUTH, CALLED = (tags.split() for tags in EXAMPLE.split("\n\n"))


def test_the_published_example_gives_the_published_figures() -> None:
    """processed 28 tokens with 15 phrases; found: 16 phrases; correct: 14."""
    whole = span_figures([CALLED], [TRUTH])
    assert (whole.support, whole.called) == (15, 16)
    assert f"{100 * step_accuracy([CALLED], [TRUTH]):.2f}" == "82.14"
    assert f"{100 * whole.precision:.2f}" == "87.50"
    assert f"{100 * whole.recall:.2f}" == "93.33"
    assert f"{100 * whole.f1:.2f}" == "90.32"
    rows = {
        name: (*(f"{100 * v:.2f}" for v in (row.precision, row.recall, row.f1)), row.called)
        for name, row in span_table([CALLED], [TRUTH]).items()
    }
    assert rows == {
        "NP": ("100.00", "100.00", "100.00", 9),
        "PP": ("66.67", "100.00", "80.00", 3),
        "VP": ("75.00", "75.00", "75.00", 4),
    }


def conlleval(called: list[list[str]], truth: list[list[str]]) -> dict[str, tuple[int, int, int]]:
    """The published script as a machine that reads step after step: phrases, found, correct."""
    counts = {name: [0, 0, 0] for name in ("X", "Y")}
    correct: str | None = None
    before = ("O", ""), ("O", "")

    def parts(tag: str) -> tuple[str, str]:
        return (tag[0], tag[2:]) if tag != "O" else ("O", "")

    def ends(a: tuple[str, str], b: tuple[str, str]) -> bool:
        return a[0] != "O" and (b[0] in "BO" or a[1] != b[1])

    def starts(a: tuple[str, str], b: tuple[str, str]) -> bool:
        return b[0] != "O" and (b[0] == "B" or a[0] == "O" or a[1] != b[1])

    pairs = [
        pair
        for c, t in zip(called, truth, strict=True)
        for pair in [*zip(t, c, strict=True), ("O", "O")]
    ]
    for wanted, answer in pairs:
        now = parts(wanted), parts(answer)
        over = ends(before[0], now[0]), ends(before[1], now[1])
        if correct is not None:
            if all(over):
                counts[correct][2] += 1
                correct = None
            elif over[0] != over[1] or now[0][1] != now[1][1]:
                correct = None
        begun = starts(before[0], now[0]), starts(before[1], now[1])
        if all(begun) and now[0][1] == now[1][1]:
            correct = now[0][1]
        for side in (0, 1):
            if begun[side]:
                counts[now[side][1]][side] += 1
        before = now
    return {name: (a, b, c) for name, (a, b, c) in counts.items() if a or b}


TAGS = st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.tuples(TAGS, TAGS), max_size=8), min_size=1, max_size=3))
def test_any_tags_are_counted_as_the_script_counts_them(
    pairs: list[list[tuple[str, str]]],
) -> None:
    called, truth = (
        [[c for c, _ in case] for case in pairs],
        [[t for _, t in case] for case in pairs],
    )
    ours = {
        name: (row.support, row.called, round(row.recall * row.support))
        for name, row in span_table(called, truth).items()
    }
    assert ours == conlleval(called, truth)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=8),
    st.sampled_from(["bio", "bioes", "bmes"]),
)
def test_the_scheme_does_not_matter(pairs: list[tuple[str, str]], scheme: str) -> None:
    called, truth = [c for c, _ in pairs], [t for _, t in pairs]
    there = span_figures([converted(called, scheme)], [converted(truth, scheme)])
    assert there == span_figures([called], [truth])


def test_tags_without_spans_are_classes() -> None:
    called, truth = [["N", "V"], ["N"]], [["N", "N"], ["N"]]
    assert tag_figures(called, truth, spans=False) == {
        "accuracy": pytest.approx(2 / 3),
        "macro_f1": pytest.approx((0.8 + 0.0) / 2),
    }
    table = step_table(called, truth)
    assert (table["N"].recall, table["V"].called, table["V"].support) == (
        pytest.approx(2 / 3),
        1,
        0,
    )
    assert Counter(tag_figures([["B-X"]], [["O"]], spans=True).values()) == Counter({0.0: 4})


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match="expected tags of 1 case, got those of 2"):
        span_table([["O"], ["O"]], [["O"]])
    with pytest.raises(ShapeError, match="case 1: expected 2 tags, got 1"):
        step_accuracy([["O"], ["O"]], [["O"], ["O", "O"]])
    with pytest.raises(ShapeError, match="at least one step"):
        step_accuracy([[]], [[]])
