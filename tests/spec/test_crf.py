"""Law: K tags have K * (K + 2) potentials, and they come out as one row."""

from __future__ import annotations

from math import prod

import pytest

from recurra.errors import SpecError
from recurra.spec.crf import Crf
from recurra.spec.node import Signal


def test_the_row_holds_every_parameter() -> None:
    node = Crf(tags=3)
    row = node.output((Signal("steps", 3),))
    assert row == Signal("row", sum(map(prod, node.parameters().values())))
    assert list(node.parameters()) == ["start", "follow", "end"]
    with pytest.raises(SpecError, match=r"crf expected \[B, T, 3\]"):
        node.output((Signal("steps", 4),))
    with pytest.raises(SpecError, match="tags must be"):
        Crf(tags=0)
