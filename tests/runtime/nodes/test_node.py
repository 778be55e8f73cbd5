"""Which steps count, and that what stands at the others is not multiplied but left out."""

import numpy as np
import pytest

from recurra.runtime.nodes import NODES
from recurra.runtime.nodes.node import AbstractNumpyNode, below, counted, zero_skipped
from recurra.spec.graph import NODE_KINDS


def test_every_kind_of_node_has_its_numpy_side() -> None:
    assert set(NODES) == set(NODE_KINDS)


def test_the_base_does_not_compute() -> None:
    with pytest.raises(TypeError, match="abstract"):
        AbstractNumpyNode(None, {}, np.dtype("f4"))  # type: ignore[abstract, arg-type]  # the point


def test_steps_count_within_lengths_and_where_valid() -> None:
    x = np.zeros((2, 3, 1))
    valid = np.array([[True, False, True], [True, True, True]])
    assert counted(x, None, None) is None
    assert counted(x, np.array([3, 3]), None) is None
    assert counted(x, np.array([3, 3]), valid) is valid
    within = counted(x, np.array([1, 3]), None)
    assert within is not None
    assert within.tolist() == [[True, False, False], [True, True, True]]
    both = counted(x, np.array([3, 0]), valid)
    assert both is not None
    assert both.tolist() == [[True, False, True], [False, False, False]]


@pytest.mark.parametrize("axes", [(), (2,)])
def test_nan_at_a_skipped_step_becomes_zero(axes: tuple[int, ...]) -> None:
    x = np.full((1, 2, *axes), np.nan, np.float32)
    x[:, 0] = 5
    out = zero_skipped(x, np.array([[True, False]]))
    assert out.dtype == np.float32
    assert out.ravel().tolist() == [5] * out[:, 0].size + [0] * out[:, 0].size
    assert zero_skipped(x, None) is x


def test_weights_below_a_path_lose_it() -> None:
    one, two = np.ones(1), np.ones(2)
    weights = {"layers.1.bias": one, "layers.10.bias": two}
    assert below(weights, "layers.1.") == {"bias": one}
