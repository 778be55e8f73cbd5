"""A memory is read in ONNX as here: weights sum to 1 over its places; none beyond is read."""

from __future__ import annotations

import numpy as np
import pytest

from convert.onnx_graphs import agreed, run
from recurra.spec.attention import LENGTHS, SCORES, Attention, Mixture, Spread
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal


def reader(score: str) -> Graph:
    return Graph(
        {"x": Signal("steps", 3), "memory": Signal("memory", 3), "places": LENGTHS},
        (
            Step(
                "weights",
                Attention(query_size=3, key_size=3, score=score),
                ("x", "memory", "places"),
            ),
            Step("read", Mixture(size=3), ("weights", "memory", "places")),
        ),
        ("weights", "read"),
    )


@pytest.mark.parametrize("score", SCORES)
def test_every_score_agrees(score: str) -> None:
    """Memories of any length, none included, with NaN beyond."""
    model = agreed(reader(score))
    found = run(
        model,
        x=np.ones((2, 1, 3), np.float32),
        memory=np.ones((2, 4, 3), np.float32),
        places=np.array([3, 0]),
        lengths=np.array([1, 1]),
    )
    np.testing.assert_allclose(found["weights"][:, 0], [[1 / 3] * 3 + [0], [0] * 4], rtol=1e-6)
    np.testing.assert_allclose(found["read"][:, 0], [[1] * 3, [0] * 3], rtol=1e-6)


def test_a_row_stands_at_every_step() -> None:
    agreed(
        Graph(
            {"x": Signal("steps", 3), "row": Signal("row", 2)},
            (Step("spread", Spread(size=2), ("x", "row")),),
            ("spread",),
        )
    )
