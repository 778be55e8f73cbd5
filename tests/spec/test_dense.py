"""A dense node keeps the axes and changes the width."""

from __future__ import annotations

import pytest

from recurra.errors import SpecError
from recurra.spec.dense import Dense
from recurra.spec.node import Signal


def test_what_flows_through() -> None:
    """Steps and rows alike."""
    node = Dense(input_size=3, output_size=2, activation="relu")
    assert node.parameters() == {"weight": (2, 3), "bias": (2,)}
    assert Dense(input_size=3, output_size=2, bias=False).parameters() == {"weight": (2, 3)}
    for axes in ("steps", "row"):
        assert node.output((Signal(axes, 3),)) == Signal(axes, 2)


def test_what_does_not_fit_is_refused() -> None:
    """Another width, tokens, a memory, two inputs, an unknown activation."""
    node = Dense(input_size=3, output_size=2)
    wrong = [
        (Signal("steps", 4),),
        (Signal("steps", 3, "token"),),
        (Signal("memory", 3),),
        (Signal("steps", 3), Signal("steps", 3)),
        (),
    ]
    for inputs in wrong:
        with pytest.raises(SpecError, match="dense expected a last axis of 3"):
            node.output(inputs)
    with pytest.raises(SpecError, match="activation must be one of tanh"):
        Dense(input_size=3, output_size=2, activation="swish")
    with pytest.raises(SpecError, match="output_size"):
        Dense(input_size=3, output_size=0)
