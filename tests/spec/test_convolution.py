"""A convolution keeps time, changes the width, and remembers one step less than it sees."""

import pytest

from recurra.errors import SpecError
from recurra.spec.convolution import Convolution
from recurra.spec.node import Signal


def test_what_flows_through() -> None:
    node = Convolution(input_size=3, output_size=2, width=4)
    assert node.parameters() == {"weight": (2, 12), "bias": (2,)}
    assert node.state_slots() == {"recent": (3, 3)}
    assert node.output((Signal("steps", 3),)) == Signal("steps", 2)
    assert node.why_not_streaming() is None


def test_what_does_not_fit_is_refused() -> None:
    node = Convolution(input_size=3, output_size=2)
    for inputs in ((Signal("row", 3),), (Signal("steps", 4),), (Signal("steps", 3, "token"),), ()):
        with pytest.raises(SpecError, match="convolution expected"):
            node.output(inputs)
    for wrong in ({"width": 0}, {"input_size": True}, {"activation": "swish"}):
        with pytest.raises(SpecError, match=next(iter(wrong))):
            Convolution(**{"input_size": 1, "output_size": 1, **wrong})
