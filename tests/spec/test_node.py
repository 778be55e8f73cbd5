"""A node that declares nothing has nothing; what flows is shown with its axes."""

import pytest

from recurra.errors import SpecError
from recurra.spec.node import AbstractNode, Signal


class AbstractBare(AbstractNode):
    kind = "bare"


def test_signals_are_shown_with_their_axes() -> None:
    assert str(Signal("steps", 3)) == "[B, T, 3]"
    assert str(Signal("row", 3)) == "[B, 3]"
    assert str(Signal("steps", 3, "token")) == "tokens [B, T] below 3"


def test_a_node_has_no_parameters_and_no_state_unless_it_says_so() -> None:
    node = AbstractBare()
    assert node.parameters() == node.state_slots() == {}
    assert node.why_not_streaming() is None
    with pytest.raises(SpecError, match="AbstractBare does not say what it puts out"):
        node.output((Signal("steps", 3),))
