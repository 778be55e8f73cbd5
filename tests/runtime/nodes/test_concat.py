"""Two inputs stand side by side; a native program, whose stages read one value, refuses them."""

import numpy as np
import pytest

from recurra.errors import SpecError
from recurra.runtime.nodes.concat import NumpyConcat
from recurra.spec.concat import Concat


def test_two_inputs_stand_side_by_side() -> None:
    node = NumpyConcat(Concat(left=1, right=2), {}, np.dtype("f4"))
    x, right = np.array([[[1.0], [np.nan]]]), np.array([[[2.0, 3.0], [4.0, 5.0]]])
    y, _ = node(x, right, None, lengths=np.array([1]), valid=None, starts=None)
    assert y.tolist() == [[[1, 2, 3], [0, 0, 0]]]
    step, _ = node.step(x[:, 0], right[:, 0], None, valid=None, starts=None)
    assert step.tolist() == [[1, 2, 3]]
    held, _ = node.step(x[:, 0], right[:, 0], None, valid=np.array([False]), starts=None)
    assert held.tolist() == [[0, 0, 0]]
    with pytest.raises(SpecError, match="reads two values"):
        node.place(None, 0)  # type: ignore[arg-type]  # refused whatever it is
