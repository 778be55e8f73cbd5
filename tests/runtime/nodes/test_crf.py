"""Every row gets the same potentials: start, follow and end."""

import numpy as np

from recurra.runtime.nodes.crf import NumpyCrf
from recurra.spec.crf import Crf

WEIGHTS = {
    "end": np.array([7.0, 8.0]),
    "follow": np.array([[3.0, 4], [5, 6]]),
    "start": np.arange(2.0),
}


def test_every_row_is_the_same() -> None:
    node = NumpyCrf(Crf(tags=2), WEIGHTS, np.dtype("f8"))
    row = [0, 1, 3, 4, 5, 6, 7, 8]
    y, _ = node(np.full((2, 3, 2), np.nan), None, lengths=None, valid=None, starts=None)
    assert y.tolist() == [row, row]
    assert node.step(np.zeros((1, 2)), None, valid=None, starts=None)[0].tolist() == [row]
    assert node.place(None, 5) == 5  # type: ignore[arg-type]  # nothing is placed
