"""Every block of every weight stands where its library looks for it, and comes back to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.convert.layouts import (
    Array,
    from_keras_arrays,
    from_onnx_arrays,
    loss,
    refuse_cell,
    to_keras_arrays,
    to_onnx_arrays,
)
from recurra.errors import ConversionError
from recurra.spec.cells import AbstractCell, GRUCell, LSTMCell, MinGRUCell, RNNCell

CELLS: list[AbstractCell] = [
    GRUCell(input_size=3, hidden_size=2),
    GRUCell(input_size=3, hidden_size=2, reset="before"),
    LSTMCell(input_size=3, hidden_size=2),
    RNNCell(input_size=3, hidden_size=2),
    GRUCell(input_size=1, hidden_size=1, bias=False),
]


def numbered(node: AbstractCell, seed: int = 0) -> dict[str, Array]:
    """Arrays with -0.0 among their values: its sign must survive."""
    random = np.random.default_rng(seed)
    arrays = {n: random.normal(size=shape) for n, shape in node.parameters().items()}
    for array in arrays.values():
        array.flat[0] = -0.0
    return arrays


def same_bits(came: dict[str, Array], wanted: dict[str, Array]) -> bool:
    return came.keys() == wanted.keys() and all(
        came[name].tobytes() == wanted[name].tobytes() for name in wanted
    )


@given(node=st.sampled_from(CELLS), seed=st.integers(0, 999))
def test_there_and_back_is_bitwise(node: AbstractCell, seed: int) -> None:
    """Ours -> Keras -> ours and ours -> ONNX -> ours, signs of zeros included."""
    ours = numbered(node, seed)
    weight, recurrent, bias = to_onnx_arrays(node, ours)
    back = from_onnx_arrays(node, weight[0], recurrent[0], None if bias is None else bias[0])
    assert same_bits(back, ours)
    two = isinstance(node, GRUCell) and node.reset == "after"
    if node.bias and not two:
        ours["recurrent_bias"][:] = 0.0
    assert same_bits(from_keras_arrays(node, to_keras_arrays(node, ours)), ours)


def test_blocks_stand_in_the_order_of_each_library() -> None:
    """Named blocks of an LSTM and a GRU, by hand."""
    lstm = LSTMCell(input_size=1, hidden_size=1)
    ours = {
        "input_weight": np.array([[1.0], [2], [3], [4]]),
        "recurrent_weight": np.zeros((4, 1)),
        "input_bias": np.zeros(4),
        "recurrent_bias": np.zeros(4),
    }
    # input 1, forget 2, cell 3, output 4.
    assert to_onnx_arrays(lstm, ours)[0].ravel().tolist() == [1, 4, 2, 3]
    assert to_keras_arrays(lstm, ours)[0].ravel().tolist() == [1, 2, 3, 4]
    gru = GRUCell(input_size=1, hidden_size=1, bias=False)
    ours = {"input_weight": np.array([[1.0], [2], [3]]), "recurrent_weight": np.zeros((3, 1))}
    # reset 1, update 2, candidate 3; theirs begin with the update gate, which is one minus ours.
    assert to_onnx_arrays(gru, ours)[0].ravel().tolist() == [-2, 1, 3]
    assert to_keras_arrays(gru, ours)[0].ravel().tolist() == [-2, 1, 3]


def test_one_bias_is_the_sum_of_two() -> None:
    node = RNNCell(input_size=1, hidden_size=2)
    ours = numbered(node, 1)
    expected = ours["input_bias"] + ours["recurrent_bias"]
    np.testing.assert_array_equal(to_keras_arrays(node, ours)[2], expected)


def test_shapes_that_disagree_are_refused_by_name() -> None:
    node = GRUCell(input_size=3, hidden_size=2)
    kernel, recurrent, bias = to_keras_arrays(node, numbered(node))
    with pytest.raises(ConversionError, match=r"recurrent_kernel \[2, 6\], got \[3, 6\]"):
        from_keras_arrays(node, [kernel, kernel, bias])
    with pytest.raises(ConversionError, match=r"bias \[2, 6\], got \[6\]"):
        from_keras_arrays(node, [kernel, recurrent, bias[0]])
    with pytest.raises(ConversionError, match="kernel, recurrent_kernel, bias; got 2 arrays"):
        from_keras_arrays(node, [kernel, recurrent])
    with pytest.raises(ConversionError, match=r"expected R \[6, 2\], got \[6, 3\]"):
        from_onnx_arrays(node, np.zeros((6, 3)), np.zeros((6, 3)), None)


def test_cells_that_no_layer_of_theirs_computes_are_refused() -> None:
    for node, what in (
        (MinGRUCell(input_size=1, hidden_size=1), "a mingru"),
        (GRUCell(input_size=1, hidden_size=1, reset="none"), "reset='none'"),
        (GRUCell(input_size=1, hidden_size=1, gate_activation="tanh"), "one minus ours"),
        (RNNCell(input_size=1, hidden_size=1, zoneout=0.5), "zoneout=0.5"),
    ):
        with pytest.raises(ConversionError, match=f"X cannot take {what}|{what}"):
            refuse_cell(node, "X")
    refuse_cell(LSTMCell(input_size=1, hidden_size=1, gate_activation="tanh"), "X")
    assert "X cannot take y" in str(loss("X", "y"))
