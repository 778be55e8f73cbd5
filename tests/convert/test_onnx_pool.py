"""A pool in ONNX gives the row of the steps so far, and a long stream keeps its mean."""

from __future__ import annotations

import numpy as np
import pytest

from convert.onnx_graphs import agreed, chain, run
from recurra.convert.onnx_graph import model_of
from recurra.spec.cells import GRUCell
from recurra.spec.nodes import POOLS, Bidirectional, Pool

CELL = GRUCell(input_size=3, hidden_size=2)


@pytest.mark.parametrize("modes", [(mode,) for mode in POOLS] + [POOLS, ("max", "last")])
def test_every_mode_agrees(modes: tuple[str, ...]) -> None:
    """As a stream, and behind what does not stream."""
    agreed(chain(Pool(size=3, modes=modes)))
    agreed(chain(Bidirectional(forward=CELL, backward=CELL), Pool(size=4, modes=modes)))


def test_a_long_stream_keeps_its_mean() -> None:
    """2^24 steps are counted: in float32 one more would change nothing."""
    model = model_of(chain(Pool(size=1, modes=("mean",)), size=1), {})
    steps = 2.0**24
    found = run(
        model,
        **{
            "x": np.ones((1, 1, 1), np.float32),
            "lengths": np.array([1]),
            "state.s0.seen": np.array([[steps]]),
            "state.s0.mean": np.array([[0.0]]),
        },
    )
    assert found["next_state.s0.seen"][0, 0] == steps + 1
    assert found["s0"][0, 0] == np.float32(1 / (steps + 1))
