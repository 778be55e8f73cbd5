"""Law: spans survive every way to spell them, and rules allow exactly what spells whole spans."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.errors import SpecError
from recurra.spec.schemes import (
    Scheme,
    Span,
    converted,
    faults,
    rules,
    scheme_of,
    spans_of,
    spelled,
    tags_of_types,
    type_of,
    without_type,
)

SPELLED: tuple[Scheme, ...] = ("bio", "bioes", "bmes")


@st.composite
def span_lists(draw: st.DrawFn) -> tuple[list[Span], int]:
    """Spans that do not overlap, and how many steps there are."""
    spans, step = [], 0
    for _ in range(draw(st.integers(0, 4))):
        begin = step + draw(st.integers(0, 2))
        step = begin + draw(st.integers(1, 4))
        spans.append(Span(draw(st.sampled_from(("LOC", "ORG", "a-b", ""))), begin, step))
    return spans, step + draw(st.integers(0, 2))


@settings(max_examples=60, deadline=None)
@given(span_lists(), st.sampled_from(SPELLED))
def test_what_is_spelled_is_read_again(drawn: tuple[list[Span], int], scheme: Scheme) -> None:
    spans, length = drawn
    tags = spelled(spans, length, scheme)
    assert len(tags) == length
    assert spans_of(tags) == spans
    assert faults(tags, scheme) == []


@settings(max_examples=60, deadline=None)
@given(span_lists(), st.sampled_from(SPELLED), st.sampled_from(SPELLED))
def test_a_conversion_there_and_back_loses_nothing(
    drawn: tuple[list[Span], int], here: Scheme, there: Scheme
) -> None:
    tags = spelled(*drawn, here)
    assert converted(converted(tags, there), here) == tags


@pytest.mark.parametrize("scheme", SPELLED)
def test_rules_allow_exactly_the_sequences_that_spell_whole_spans(scheme: Scheme) -> None:
    tags = tags_of_types(["X", "Y"], scheme, outside=True)
    start, follow, end = rules(tags, scheme)
    for length in (1, 2, 3):
        for path in product(range(len(tags)), repeat=length):
            names = [tags[k] for k in path]
            allowed = (
                start[path[0]] and end[path[-1]] and all(follow[a, b] for a, b in pairwise(path))
            )
            assert allowed == (converted(names, scheme) == names), names


def test_without_a_scheme_everything_is_allowed() -> None:
    start, follow, end = rules(["NOUN", "VERB"], "none")
    assert start.all()
    assert follow.all()
    assert end.all()
    assert converted(["B-X", "I-Y"], "none") == ["B-X", "I-Y"]


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        (["B-ORG", "I-ORG", "O"], "bio"),
        (["B", "I", "O"], "bio"),
        (["B-X", "O"], "bio"),
        (["B-X", "E-X", "S-X", "O"], "bioes"),
        (["B-X", "I-X", "L-X", "U-X"], "bioes"),
        (["S-X", "O"], "bioes"),
        (["B-X", "M-X", "E-X", "S-X"], "bmes"),
        (["B", "M", "E", "S"], "bmes"),
        (["NOUN", "VERB"], "none"),
        (["B-X", "NOUN"], "none"),
        (["B-X", "M-X", "I-X"], "none"),
        (["O"], "none"),
        (["I-X", "O"], "none"),
        (["M", "L", "XL"], "none"),
        (["", "B-X"], "none"),
    ],
)
def test_the_scheme_is_told_by_the_letters(tags: list[str], scheme: Scheme) -> None:
    assert scheme_of(tags) == scheme


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("O I-X I-X O", [Span("X", 1, 3)]),
        ("B-X I-Y", [Span("X", 0, 1), Span("Y", 1, 2)]),
        ("I-X B-X I-X", [Span("X", 0, 1), Span("X", 1, 3)]),
        ("B-X M-X O", [Span("X", 0, 2)]),
        ("M-X E-X E-X", [Span("X", 0, 2), Span("X", 2, 3)]),
        ("E-X B-X E-X S-X", [Span("X", 0, 1), Span("X", 1, 3), Span("X", 3, 4)]),
        ("B-X U-X L-X", [Span("X", 0, 1), Span("X", 1, 2), Span("X", 2, 3)]),
    ],
)
def test_what_is_out_of_order_is_read_as_conlleval_reads_it(tags: str, spans: list[Span]) -> None:
    assert spans_of(tags.split()) == spans


@pytest.mark.parametrize(
    ("tags", "steps"),
    [
        ("B-X E-X O S-Y", []),
        ("B-X M-X O", [2]),
        ("O M-X E-X", [1]),
        ("B-X E-Y", [1]),
        ("B-X M-X", [2]),
    ],
)
def test_faults_are_found_where_they_stand(tags: str, steps: list[int]) -> None:
    assert faults(tags.split(), "bmes") == steps


def test_in_bio_an_inner_tag_may_begin_a_span() -> None:
    assert faults(["O", "I-X", "O", "B-X", "I-Y"], "bio") == []
    assert faults(["B-X", "I-X"], "bioes") == [2]


def test_every_tag_of_a_type_is_there_and_a_tag_of_another_scheme_is_refused() -> None:
    assert tags_of_types(["X", ""], "bmes", outside=True) == [
        *("B", "B-X", "E", "E-X", "M", "M-X", "O", "S", "S-X"),
    ]
    assert tags_of_types(["X"], "bio", outside=False) == ["B-X", "I-X"]
    assert [type_of(tag) for tag in ("B-X", "O", "S", "I_Y")] == ["X", None, "", "Y"]
    with pytest.raises(SpecError, match="tag 'M-X' is not written in bio"):
        rules(["B-X", "M-X"], "bio")
    assert rules(["B", "I"], "bio").follow.dtype == np.bool_


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        (["O", "B-X", "I-X"], {}),
        (["O", "B-", "I-X"], {"B-": "B-X"}),
        (["O", "B-", "I_"], {"B-": "B-PER", "I_": "I_PER"}),
        (["B", "I", "O"], {}),
        (["A-", "B-", "O-"], {}),
        ([], {}),
    ],
)
def test_a_prefix_without_a_type_is_found(tags: list[str], found: dict[str, str]) -> None:
    assert without_type(tags) == found
