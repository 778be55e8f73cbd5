"""Law: two widths add up, and anything else than two float signals of steps is refused."""

from __future__ import annotations

import pytest

from recurra.errors import SpecError
from recurra.spec.concat import Concat
from recurra.spec.node import Signal


def test_widths_add_up_and_other_signals_are_refused() -> None:
    node = Concat(left=2, right=3)
    assert node.output((Signal("steps", 2), Signal("steps", 3))) == Signal("steps", 5)
    assert (node.arity, node.why_not_streaming()) == (2, None)
    with pytest.raises(SpecError, match=r"concat expected \[B, T, 2\] and \[B, T, 3\], got"):
        node.output((Signal("steps", 3), Signal("steps", 2)))
    with pytest.raises(SpecError, match="right must be a whole number >= 1, got 0"):
        Concat(left=1, right=0)
