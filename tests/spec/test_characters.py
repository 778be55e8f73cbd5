"""Law: a word's vector is as wide as both directions, and only a bidirectional reads words."""

from __future__ import annotations

import pytest

from recurra.errors import SpecError
from recurra.spec.cells import GRUCell, LSTMCell
from recurra.spec.characters import Characters
from recurra.spec.node import Signal
from recurra.spec.nodes import Bidirectional

SIDES = Bidirectional(
    forward=GRUCell(input_size=3, hidden_size=4), backward=LSTMCell(input_size=3, hidden_size=2)
)


def test_both_directions_make_the_vector() -> None:
    node = Characters(tokens=7, encoder=SIDES)
    assert node.output((Signal("pieces", 7, "token"),)) == Signal("steps", 6)
    assert node.parameters()["weight"] == (7, 3)
    assert node.parameters()["encoder.backward.input_weight"] == (8, 3)
    assert node.state_slots() == {}
    assert node.why_not_streaming() is None


def test_other_signals_and_other_encoders_are_refused() -> None:
    with pytest.raises(SpecError, match=r"characters expected .*, got tokens \[B, T\] below 7"):
        Characters(tokens=7, encoder=SIDES).output((Signal("steps", 7, "token"),))
    with pytest.raises(SpecError, match="must be a bidirectional, got 'gru'"):
        Characters(tokens=7, encoder=SIDES.forward)
