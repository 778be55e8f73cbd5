"""Attention, mixture and spread take what they say and refuse everything else."""

from __future__ import annotations

import pytest

from recurra.errors import SpecError
from recurra.spec.attention import ALIGNMENT, LENGTHS, SCORES, Attention, Mixture, Spread
from recurra.spec.node import Signal


def test_parameters_are_those_of_the_score() -> None:
    """A map of the query unless "dot"; bias and energy for "additive" alone."""
    sizes = {"query_size": 3, "key_size": 5}
    assert Attention(**sizes).parameters() == {"weight": (5, 3)}
    assert Attention(**sizes, score="additive").parameters() == {
        "weight": (5, 3),
        "bias": (5,),
        "energy": (5,),
    }
    assert Attention(query_size=4, key_size=4, score="dot").parameters() == {}
    assert Mixture(size=2).parameters() == Spread(size=2).parameters() == {}


@pytest.mark.parametrize("score", SCORES)
def test_what_flows_through(score: str) -> None:
    """Queries and a memory's keys give an alignment, it and the memory give steps."""
    memory = Signal("memory", 4)
    node = Attention(query_size=4, key_size=4, score=score)
    assert node.output((Signal("steps", 4), memory, LENGTHS)) == ALIGNMENT
    assert Mixture(size=4).output((ALIGNMENT, memory, LENGTHS)) == Signal("steps", 4)
    assert Spread(size=4).output((Signal("steps", 9), Signal("row", 4))) == Signal("steps", 4)
    assert node.why_not_streaming() is None
    assert [str(memory), str(LENGTHS), str(ALIGNMENT)] == [
        "a memory [B, S, 4]",
        "lengths [B]",
        "an alignment [B, T, S]",
    ]


def test_other_signals_are_refused() -> None:
    """Each names what it expected and what came."""
    steps, memory = Signal("steps", 4), Signal("memory", 4)
    with pytest.raises(SpecError, match=r"attention expected .*a memory .*, got \[B, T, 4\]"):
        Attention(query_size=4, key_size=4).output((steps, steps, LENGTHS))
    with pytest.raises(SpecError, match=r"mixture expected an alignment"):
        Mixture(size=4).output((steps, memory, LENGTHS))
    for inputs in ((steps,), (steps, steps), (Signal("row", 4), Signal("row", 4))):
        with pytest.raises(SpecError, match="spread expected steps and a row"):
            Spread(size=4).output(inputs)


def test_values_that_contradict_each_other_are_refused() -> None:
    """Sizes that are none, a score that is none, a dot product of different sizes."""
    with pytest.raises(SpecError, match="query_size"):
        Attention(query_size=0, key_size=1)
    with pytest.raises(SpecError, match="score must be one of additive"):
        Attention(query_size=1, key_size=1, score="cosine")
    with pytest.raises(SpecError, match="choose multiplicative"):
        Attention(query_size=2, key_size=3, score="dot")
    for node in (Mixture, Spread):
        with pytest.raises(SpecError, match="size"):
            node(size=0)
