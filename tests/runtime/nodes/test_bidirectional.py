"""The second direction reads each row from its own last step, and there is no single step."""

import numpy as np
import pytest

from recurra.errors import SpecError
from recurra.runtime.nodes.bidirectional import NumpyBidirectional
from recurra.spec.cells import GRUCell, RNNCell
from recurra.spec.nodes import Bidirectional


def test_each_row_is_read_backwards_within_its_length() -> None:
    node = Bidirectional(
        forward=GRUCell(input_size=2, hidden_size=3), backward=RNNCell(input_size=2, hidden_size=1)
    )
    random = np.random.default_rng(0)
    weights = {name: random.normal(size=shape) for name, shape in node.parameters().items()}
    both = NumpyBidirectional(node, weights, np.dtype("f8"))
    x = random.normal(size=(2, 5, 2))
    none = {"valid": None, "starts": None}
    y, state = both(x, both.initial_state(2), lengths=np.array([5, 3]), **none)
    assert y.shape == (2, 5, 4)
    assert not y[1, 3:].any()
    turned = np.ascontiguousarray(x[1:, :3][:, ::-1])
    alone, end = both.backward(turned, both.backward.initial_state(1), lengths=None, **none)
    assert np.array_equal(y[1, :3, 3:], alone[0, ::-1])
    assert np.array_equal(state.backward.h[1], end.h[0])
    assert np.array_equal(state.forward.h[1], y[1, 2, :3])
    with pytest.raises(SpecError, match="no step: the backward direction"):
        both.step(x[:, 0], state, valid=None, starts=None)
