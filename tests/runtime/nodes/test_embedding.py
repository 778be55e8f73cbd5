"""A token becomes its row; a token at a step that does not count may be any number."""

import numpy as np
import pytest

from recurra.errors import ShapeError
from recurra.runtime.nodes.embedding import NumpyEmbedding
from recurra.spec.nodes import Embedding

TABLE = np.arange(6, dtype=np.float32).reshape(3, 2) + 1


def test_rows_are_looked_up() -> None:
    node = NumpyEmbedding(Embedding(tokens=3, size=2), {"weight": TABLE}, np.dtype("f4"))
    tokens = np.array([[2, 0, 99], [1, -5, 1]])
    y, _ = node(
        tokens,
        None,
        lengths=np.array([2, 3]),
        valid=np.array([[True] * 3, [True, False, True]]),
        starts=None,
    )
    assert y.tolist() == [[[5, 6], [1, 2], [0, 0]], [[3, 4], [0, 0], [3, 4]]]
    step, _ = node.step(np.array([1, 7]), None, valid=np.array([True, False]), starts=None)
    assert step.tolist() == [[3, 4], [0, 0]]
    with pytest.raises(ShapeError, match="from 0 below 3, got 7"):
        node.step(np.array([1, 7]), None, valid=None, starts=None)
