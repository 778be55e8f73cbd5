"""A layer taken apart into cells, and cells put together again: what every converter shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recurra.errors import ConversionError
from recurra.layers import Bidirectional, Stack, from_node
from recurra.layers.abstract import AbstractRecurrent
from recurra.ops import Backend
from recurra.spec.cells import AbstractCell

__all__ = ["Whole", "arrays_of", "cell_from_arrays", "floors", "refuse_stack"]

# What a converter takes and gives: one layer and direction, both directions, or several layers.
Whole = AbstractRecurrent | Bidirectional | Stack
Array = npt.NDArray[np.floating]


def floors(layer: Whole, caller: str) -> list[Sequence[AbstractRecurrent]]:
    """The cells of each layer, from the input upwards: one, or forward and backward.

    Raises:
        ConversionError: the layer is none of those that are made of cells.
    """
    if isinstance(layer, Stack):
        return [cells for inner in layer.each() for cells in floors(inner, caller)]
    if isinstance(layer, Bidirectional):
        return [(layer.forward_cell, layer.backward_cell)]
    if isinstance(layer, AbstractRecurrent):
        return [(layer,)]
    raise ConversionError(
        f"{caller} expected a GRU, LSTM, RNN, Bidirectional or Stack; got {type(layer).__name__}"
    )


def arrays_of(layer: AbstractRecurrent) -> dict[str, Array]:
    """A cell's parameters as numpy arrays of their own, by the node's names."""
    return {
        name: np.array(parameter.detach().cpu().numpy())
        for name, parameter in layer.named_parameters()
    }


def cell_from_arrays(
    node: AbstractCell, arrays: Mapping[str, Array], backend: Backend = "auto"
) -> AbstractRecurrent:
    """The cell's layer with these parameters, in their dtype.

    Raises:
        ConversionError: an array is missing, or has another shape than the cell's.
    """
    expected = node.parameters()
    for name, shape in expected.items():
        found = arrays[name].shape if name in arrays else None
        if found != shape:
            came = "nothing" if found is None else list(found)
            raise ConversionError(f"a {node.kind} expected {name} {list(shape)}, got {came}")
    dtype = torch.as_tensor(arrays["input_weight"]).dtype
    if dtype not in (torch.float32, torch.float64):
        raise ConversionError(
            f"weights of {dtype} were given: a {node.kind} takes float32 or float64; cast them"
        )
    layer = from_node(node, backend=backend, dtype=dtype)
    assert isinstance(layer, AbstractRecurrent)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            value: Tensor = torch.from_numpy(np.ascontiguousarray(arrays[name]))
            parameter.copy_(value)
    return layer


def refuse_stack(layer: Whole, target: str) -> None:
    """Refuse what a chain of plain layers cannot hold of a stack.

    Raises:
        ConversionError: the stack adds inputs to outputs.
    """
    if isinstance(layer, Stack) and layer.node.residual:
        raise ConversionError(
            f"{target} cannot take residual=True: its layers pass on what they put out alone"
        )
