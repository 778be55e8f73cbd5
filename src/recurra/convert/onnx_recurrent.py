"""Recurrent layers in ONNX: its own GRU, LSTM and RNN where they compute the same, else a Scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from recurra.convert.layouts import Array
from recurra.convert.onnx_cells import OPS, attributes_of, node_arrays
from recurra.convert.onnx_steps import cell_step, projected
from recurra.convert.onnx_writer import Sequences, Writer
from recurra.errors import ConversionError
from recurra.spec.cells import AbstractCell, AbstractRecurrentCell, GRUCell, MinGRUCell
from recurra.spec.node import AbstractNode
from recurra.spec.nodes import Bidirectional, Stack

__all__ = ["bidirectional", "both_ways", "recurrent", "stack"]

_OPS = {cell: op for op, cell in OPS.items()}
# s(100) is 1 to the last bit in float32 and float64.
_OPEN = 100.0
Weights = Mapping[str, Array]


def recurrent(
    writer: Writer, node: AbstractCell, sources: list[str], path: str, _: bool = False
) -> str:
    """x [batch, time, I] -> [batch, time, H], its state explicit where the graph streams."""
    if not writer.streams:
        return _one_way(writer, node, path, sources[0], writer.steps, reverse=writer.reverse)[0]
    slots = [writer.slot(f"{path}.{field}", node.hidden_size) for field in node.state_fields]
    entering = [name for name, _ in slots]
    y, ends = _one_way(writer, node, path, sources[0], writer.steps, entering)
    for end, names in zip(ends, slots, strict=True):
        writer.add("Identity", [end], output=names[1])
    return y


def bidirectional(
    writer: Writer, node: Bidirectional, sources: list[str], path: str, _: bool = False
) -> str:
    """x [batch, time, I] -> [batch, time, 2 H]: the forward cell's output, then the other's."""
    return both_ways(writer, node, path, sources[0], writer.steps)[0]


def stack(writer: Writer, node: Stack, sources: list[str], path: str, _: bool = False) -> str:
    """Layer after layer; with `residual` each adds its input to what it puts out."""
    x = sources[0]
    for k, layer in enumerate(node.layers):
        own = f"{path}.layers.{k}"
        if isinstance(layer, Bidirectional):
            y, widths = bidirectional(writer, layer, [x], own), _widths(layer)
        else:
            assert isinstance(layer, AbstractCell)  # the spec allows no other
            y, widths = recurrent(writer, layer, [x], own), _widths(layer)
        if node.residual and widths[0] == widths[1]:
            y = writer.add("Add", [y, writer.only_counted(x)])
        x = y
    return x


def both_ways(
    writer: Writer, node: Bidirectional, path: str, x: str, steps: Sequences
) -> tuple[str, list[list[str]]]:
    """Both cells over all steps; what they put out side by side, and the states of each after."""
    cells, paths = [node.forward, node.backward], [f"{path}.forward", f"{path}.backward"]
    made = _native(writer, cells, paths)
    if made is not None:
        plain = steps is writer.steps and not any(cell.learn_initial_state for cell in cells)
        first = None
        if not plain:
            both = zip(cells, paths, strict=True)
            first = [_first(writer, cell, own, steps) for cell, own in both]
        y, ends = _own_node(writer, made, path, cells, x, steps, first)
        sides = writer.add("Transpose", [y], perm=[2, 0, 1, 3])
        width = 2 * node.forward.hidden_size
        return writer.add("Reshape", [sides, writer.constant([0, 0, width])]), ends
    ahead, forward = _one_way(writer, cells[0], paths[0], x, steps)
    back, backward = _one_way(writer, cells[1], paths[1], x, steps, reverse=True)
    return writer.add("Concat", [ahead, back], axis=2), [forward, backward]


def _one_way(
    writer: Writer,
    cell: AbstractCell,
    path: str,
    x: str,
    steps: Sequences,
    first: list[str] | None = None,
    *,
    reverse: bool = False,
) -> tuple[str, list[str]]:
    """One cell over x [rows, time, I]: what it puts out [rows, time, H], the states after."""
    made = _native(writer, [cell], [path], reverse=reverse)
    plain = made is not None and steps is writer.steps and not cell.learn_initial_state
    if first is None and not plain:
        first = _first(writer, cell, path, steps)
    if made is not None:
        own = None if first is None else [first]
        y, ends = _own_node(writer, made, path, [cell], x, steps, own)
        flat = writer.add("Squeeze", [y, writer.constant([1])])
        return writer.add("Transpose", [flat], perm=[1, 0, 2]), ends[0] if ends else []

    def step(states: list[str], read: list[str]) -> tuple[list[str], str]:
        run = writer.add("Unsqueeze", [read[1], writer.constant([1])])
        new = cell_step(writer, cell, path, read[0], states)
        after = [
            writer.add("Where", [run, stepped, held])
            for stepped, held in zip(new, states, strict=True)
        ]
        return after, writer.add("Where", [run, new[0], writer.constant(0.0, np.float32)])

    gates = projected(writer, cell, path, x)
    read = [(gates, TensorProto.FLOAT), (steps.counts, TensorProto.BOOL)]
    after, y = writer.scan(first or (), read, step, reverse=reverse)
    return y, after


def _first(writer: Writer, cell: AbstractCell, path: str, steps: Sequences) -> list[str]:
    """The cell's own initial state for each row."""
    return [
        writer.rows(
            steps.lengths,
            f"{path}.initial_{field}",
            writer.weights[f"{path}.initial_{field}"]
            if cell.learn_initial_state
            else np.zeros(cell.hidden_size, np.float32),
        )
        for field in cell.state_fields
    ]


Native = tuple[str, dict[str, Any], tuple[Array, Array, Array | None]]


def _native(
    writer: Writer, given: Sequence[AbstractCell], paths: Sequence[str], *, reverse: bool = False
) -> Native | None:
    """The name, attributes and weights of ONNX's node for these cells; None: it has none."""
    cells, weights = [], []
    for cell, path in zip(given, paths, strict=True):
        own = {name: writer.weights[f"{path}.{name}"] for name in cell.parameters()}
        plain, own = _as_gru(_at_inference(cell), own)
        cells.append(plain)
        weights.append(own)
    try:
        attributes = attributes_of(cells, reverse=reverse)
    except ConversionError:
        return None
    return _OPS[type(cells[0])], attributes, node_arrays(cells, weights)


def _own_node(
    writer: Writer,
    made: Native,
    path: str,
    cells: Sequence[AbstractCell],
    x: str,
    steps: Sequences,
    first: list[list[str]] | None,
) -> tuple[str, list[list[str]]]:
    """ONNX's own node: its Y [time, D, rows, H], and the states after by direction.

    Where `first` is None it begins from zeros, and nobody asks for the states after.
    """
    op, attributes, (weight, recurrent_weight, bias) = made
    inputs = [
        writer.add("Transpose", [x], perm=[1, 0, 2]),
        writer.weight(f"{path}.W", weight),
        writer.weight(f"{path}.R", recurrent_weight),
        "" if bias is None else writer.weight(f"{path}.B", bias),
        writer.add("Cast", [steps.lengths], to=TensorProto.INT32),
    ]
    fields = cells[0].state_fields
    for states in zip(*(first or ()), strict=True):
        sides = [writer.add("Unsqueeze", [state, writer.constant([0])]) for state in states]
        inputs.append(sides[0] if len(sides) == 1 else writer.add("Concat", sides, axis=0))
    outputs = [f"{path}/Y", *(f"{path}/Y_{field}" for field in fields)]
    writer.nodes.append(helper.make_node(op, inputs, outputs, name=path, **attributes))
    ends: list[list[str]] = []
    for side, own in enumerate(first or ()):
        ends.append([])
        for found, entering in zip(outputs[1:], own, strict=True):
            new = writer.add("Gather", [found, writer.constant(side)], axis=0)
            # ONNX Runtime forgets the state of a row of length 0.
            ends[-1].append(writer.add("Where", [steps.some, new, entering]))
    return outputs[0], ends


def _widths(layer: AbstractNode) -> tuple[int, int]:
    """Of what a layer of a stack reads and puts out."""
    if isinstance(layer, Bidirectional):
        return layer.forward.input_size, layer.forward.hidden_size + layer.backward.hidden_size
    assert isinstance(layer, AbstractCell)  # the spec allows no other
    return layer.input_size, layer.hidden_size


def _at_inference(cell: AbstractCell) -> AbstractCell:
    """Without what acts in training only, and the initial state, which the graph holds apart."""
    cell = replace(cell, learn_initial_state=False)
    return replace(cell, weight_dropout=0.0) if isinstance(cell, AbstractRecurrentCell) else cell


def _as_gru(cell: AbstractCell, own: Weights) -> tuple[AbstractCell, dict[str, Array]]:
    """A cell that ONNX lacks as a GRU that computes the same; others as they are.

    Without a reset gate: one that is always open. A minGRU: no recurrent weights besides.
    """
    units = cell.hidden_size
    bare = isinstance(cell, MinGRUCell)
    if not bare and not (isinstance(cell, GRUCell) and cell.reset == "none"):
        return cell, dict(own)
    # Only a sigmoid's gate is open at 1, and without a bias there is nothing to open it with.
    gru = GRUCell(
        input_size=cell.input_size,
        hidden_size=units,
        activation=cell.activation,
        gate_activation=cell.gate_activation,
        zoneout=cell.zoneout,
    )
    dtype = own["input_weight"].dtype
    weights = {}
    for name, shape in gru.parameters().items():
        rest = own.get(name, np.zeros((2 * units, *shape[1:]), dtype))
        opened = np.full((units, *shape[1:]), _OPEN if name == "input_bias" else 0.0, dtype)
        weights[name] = np.concatenate((opened, rest))
    return gru, weights
