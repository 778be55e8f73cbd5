"""A causal convolution in ONNX: a window is the newest steps that count, across chunks too."""

from __future__ import annotations

import pytest

from convert.onnx_graphs import agreed, chain
from recurra.spec.cells import GRUCell
from recurra.spec.convolution import Convolution
from recurra.spec.nodes import Bidirectional

CELL = GRUCell(input_size=2, hidden_size=2)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_windows_agree(width: int) -> None:
    """As a stream, whose state holds the newest steps, and behind padding where none streams."""
    node = Convolution(input_size=3, output_size=2, width=width, activation="softsign")
    agreed(chain(node))
    agreed(chain(node, Bidirectional(forward=CELL, backward=CELL)))


def test_layers_above_one_another_agree() -> None:
    low = Convolution(input_size=3, output_size=4, width=3, bias=False)
    high = Convolution(input_size=4, output_size=2, width=2, activation="identity")
    agreed(chain(low, high, CELL))
