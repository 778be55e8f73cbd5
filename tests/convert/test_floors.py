"""A layer taken apart and put together is the same, and weights that do not fit are refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recurra.convert.floors import arrays_of, cell_from_arrays, floors, refuse_stack
from recurra.errors import ConversionError
from recurra.layers import GRU, LSTM, Bidirectional, Embedding, Stack


def test_floors_are_listed_from_the_input_upwards() -> None:
    cells = [LSTM(3, 4), LSTM(3, 4), GRU(8, 2)]
    whole = Stack([Bidirectional(*cells[:2]), cells[2]])
    assert [list(floor) for floor in floors(whole, "caller")] == [cells[:2], cells[2:]]
    with pytest.raises(ConversionError, match=r"caller expected a GRU, .*got Embedding"):
        floors(Embedding(3, 2), "caller")  # type: ignore[arg-type]  # what is refused


def test_a_cell_comes_back_with_copies_of_its_arrays() -> None:
    layer = GRU(3, 4, learn_initial_state=True, dtype=torch.float64)
    arrays = arrays_of(layer)
    again = cell_from_arrays(layer.node, arrays)
    arrays["input_weight"][:] = 0
    for name, value in layer.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


def test_arrays_that_do_not_fit_are_refused() -> None:
    layer = GRU(3, 4)
    arrays = arrays_of(layer)
    with pytest.raises(ConversionError, match=r"expected recurrent_bias \[12\], got nothing"):
        cell_from_arrays(layer.node, {n: a for n, a in arrays.items() if n != "recurrent_bias"})
    with pytest.raises(ConversionError, match=r"expected input_weight \[12, 3\], got \[12, 4\]"):
        cell_from_arrays(layer.node, arrays | {"input_weight": np.zeros((12, 4), np.float32)})
    whole = {name: array.astype(np.int32) for name, array in arrays.items()}
    with pytest.raises(ConversionError, match="takes float32 or float64"):
        cell_from_arrays(layer.node, whole)


def test_a_residual_stack_is_no_chain_of_plain_layers() -> None:
    refuse_stack(Stack([GRU(3, 3)]), "ONNX")
    with pytest.raises(ConversionError, match="ONNX cannot take residual=True"):
        refuse_stack(Stack([GRU(3, 3)], residual=True), "ONNX")
