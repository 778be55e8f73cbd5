"""What computes each kind of node in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
from onnx import TensorProto, helper

from recurra.convert.layouts import Array
from recurra.convert.onnx_cells import OPS, attributes_of, node_arrays
from recurra.convert.onnx_writer import LENGTHS, Writer
from recurra.errors import ConversionError
from recurra.spec.cells import AbstractCell, GRUCell, MinGRUCell
from recurra.spec.node import AbstractNode, Signal
from recurra.spec.nodes import Bidirectional, Dropout, Embedding, Linear, Pool, Stack

__all__ = ["write_node"]

_OPS = {cell: op for op, cell in OPS.items()}


def write_node(
    writer: Writer, node: AbstractNode, sources: list[str], path: str, on_rows: bool
) -> str:
    """Add what computes one node; gives the name of its output.

    Raises:
        ConversionError: ONNX has no form of it here.
    """
    write = _WRITERS.get(type(node))
    if write is None:
        raise ConversionError(
            f"step {path!r} is a {node.kind}, which has no form in ONNX here; there are "
            f"{', '.join(sorted(kind.kind for kind in _WRITERS))}"
        )
    return write(writer, node, sources, path, on_rows)


def _embedding(writer: Writer, node: Embedding, sources: list[str], path: str, _: bool) -> str:
    del node
    # Whatever stands at padding, the table has a row 0.
    tokens = writer.add("Where", [writer.counts, sources[0], writer.constant(0)])
    rows = writer.add("Gather", [writer.weight(f"{path}.weight"), tokens], axis=0)
    return writer.only_counted(rows)


def _linear(writer: Writer, node: Linear, sources: list[str], path: str, on_rows: bool) -> str:
    turned = writer.weights[f"{path}.weight"].T.copy()
    y = writer.add("MatMul", [sources[0], writer.weight(f"{path}.weight", turned)])
    if node.bias:
        y = writer.add("Add", [y, writer.weight(f"{path}.bias")])
    return y if on_rows else writer.only_counted(y)


def _dropout(writer: Writer, node: Dropout, sources: list[str], path: str, on_rows: bool) -> str:
    del writer, node, path, on_rows
    return sources[0]


def _cell(writer: Writer, node: AbstractCell, sources: list[str], path: str, _: bool) -> str:
    return _recurrent(writer, [node], [path], sources[0])


def _bidirectional(
    writer: Writer, node: Bidirectional, sources: list[str], path: str, _: bool
) -> str:
    sides = [f"{path}.forward", f"{path}.backward"]
    return _recurrent(writer, [node.forward, node.backward], sides, sources[0])


def _stack(writer: Writer, node: Stack, sources: list[str], path: str, on_rows: bool) -> str:
    x = sources[0]
    signal = None
    for k, layer in enumerate(node.layers):
        own = f"{path}.layers.{k}"
        y = write_node(writer, layer, [x], own, on_rows)
        width = layer.output((signal,)).size if signal else _width(layer)
        if node.residual and width == _input_width(layer):
            y = writer.add("Add", [y, writer.only_counted(x)])
        signal = Signal("steps", width)
        x = y
    return x


def _recurrent(writer: Writer, given: list[AbstractCell], paths: list[str], x: str) -> str:
    """x [batch, time, I] -> [batch, time, D * H], through one GRU, LSTM or RNN node."""
    cells, weights = [], []
    for cell, path in zip(given, paths, strict=True):
        own = {name: writer.weights[f"{path}.{name}"] for name in cell.parameters()}
        plain, own = _as_gru(cell, own)
        cells.append(plain)
        weights.append(own)
    attributes = attributes_of([_from_zero(cell) for cell in cells])
    weight, recurrent, bias = node_arrays(cells, weights)
    name = paths[0] if len(paths) == 1 else paths[0].removesuffix(".forward")
    entering = writer.add("Transpose", [x], perm=[1, 0, 2])
    inputs = [entering, writer.weight(f"{name}.W", weight), writer.weight(f"{name}.R", recurrent)]
    inputs += ["" if bias is None else writer.weight(f"{name}.B", bias), writer.lengths]
    fields = given[0].state_fields
    inputs += [_first_state(writer, given, paths, field) for field in fields]
    outputs = [f"{name}/Y", *(f"{name}/Y_{field}" for field in fields)]
    op = _OPS[type(cells[0])]
    writer.nodes.append(helper.make_node(op, inputs, outputs, name=name, **attributes))
    if writer.streams:
        for field, found in zip(fields, outputs[1:], strict=True):
            entering, leaving = writer.slot_names(f"{paths[0]}.{field}")
            new = writer.add("Squeeze", [found, writer.constant([0])])
            # ONNX Runtime forgets the state of a row of length 0.
            writer.add("Where", [writer.some, new, entering], output=leaving)
    if len(given) == 1:
        flat = writer.add("Squeeze", [outputs[0], writer.constant([1])])
        return writer.add("Transpose", [flat], perm=[1, 0, 2])
    sides = writer.add("Transpose", [outputs[0]], perm=[2, 0, 1, 3])
    return writer.add("Reshape", [sides, writer.constant([0, 0, 2 * given[0].hidden_size])])


def _first_state(writer: Writer, cells: list[AbstractCell], paths: list[str], field: str) -> str:
    """The name of a node's initial state [D, batch, H]; empty: zeros."""
    if writer.streams:
        entering, _ = writer.slot(f"{paths[0]}.{field}", cells[0].hidden_size)
        return writer.add("Unsqueeze", [entering, writer.constant([0])])
    if not any(cell.learn_initial_state for cell in cells):
        return ""
    first = [
        writer.weights[f"{path}.initial_{field}"]
        if cell.learn_initial_state
        else np.zeros(cell.hidden_size, np.float32)
        for cell, path in zip(cells, paths, strict=True)
    ]
    name = writer.weight(f"{paths[0]}.initial_{field}", np.stack(first)[:, None])
    batch = writer.add("Shape", [LENGTHS])
    units = writer.constant([cells[0].hidden_size])
    shape = writer.add("Concat", [writer.constant([len(cells)]), batch, units], axis=0)
    return writer.add("Expand", [name, shape])


def _pool(writer: Writer, node: Pool, sources: list[str], path: str, _: bool) -> str:
    x, zero = sources[0], writer.constant(0.0, np.float32)
    count = writer.add("Cast", [writer.column], to=TensorProto.FLOAT)
    some = writer.some
    seen, rows = count, list[str]()
    before, after = writer.slot(f"{path}.seen", 1) if writer.streams else ("", "")
    if before:
        seen = writer.add("Add", [count, before], output=after)
    if "last" in node.modes:
        newest = writer.add("Sub", [writer.column, writer.constant(1)])
        newest = writer.add("Max", [newest, writer.constant(0)])
        row = writer.add("GatherND", [x, newest], batch_dims=1)
        rows.append(_held(writer, path, "last", node.size, row, some))
    if "mean" in node.modes:
        total = writer.add("ReduceSum", [writer.only_counted(x), writer.constant([1])], keepdims=0)
        if before:
            old, new = writer.slot(f"{path}.mean", node.size)
            total = writer.add("Add", [total, old], output=new)
        # No step yet: 0 / 1.
        rows.append(
            writer.add("Div", [total, writer.add("Max", [seen, writer.constant(1.0, np.float32)])])
        )
    if "max" in node.modes:
        least = writer.constant(-np.inf, np.float32)
        high = writer.add("Where", [writer.counts3, x, least])
        row = writer.add("ReduceMax", [high], axes=[1], keepdims=0)
        if before:
            entering, leaving = writer.slot(f"{path}.max", node.size)
            held = writer.add("Where", [writer.add("Greater", [before, zero]), entering, least])
            row = writer.add("Max", [row, held])
            known = writer.add("Greater", [seen, zero])
            rows.append(writer.add("Where", [known, row, zero], output=leaving))
        else:
            rows.append(writer.add("Where", [some, row, zero]))
    return rows[0] if len(rows) == 1 else writer.add("Concat", rows, axis=1)


def _held(writer: Writer, path: str, mode: str, size: int, row: str, some: str) -> str:
    """The row where the chunk has a step that counts, else what was held before."""
    if not writer.streams:
        return writer.add("Where", [some, row, writer.constant(0.0, np.float32)])
    entering, leaving = writer.slot(f"{path}.{mode}", size)
    return writer.add("Where", [some, row, entering], output=leaving)


_Write = Callable[[Writer, Any, list[str], str, bool], str]
_WRITERS: Mapping[type[AbstractNode], _Write] = {
    Embedding: _embedding,
    Linear: _linear,
    Dropout: _dropout,
    Stack: _stack,
    Bidirectional: _bidirectional,
    Pool: _pool,
    MinGRUCell: _cell,
    **dict.fromkeys(OPS.values(), _cell),
}


def _width(layer: AbstractNode) -> int:
    return layer.output((Signal("steps", _input_width(layer)),)).size


def _input_width(layer: AbstractNode) -> int:
    cell = layer.forward if isinstance(layer, Bidirectional) else cast(AbstractCell, layer)
    return cell.input_size


def _from_zero(cell: AbstractCell) -> AbstractCell:
    """The cell without its learnt initial state, which the graph holds apart."""
    return replace(cell, learn_initial_state=False)


# s(100) is 1 to the last bit in float32 and float64.
_OPEN = 100.0


def _as_gru(cell: AbstractCell, own: Mapping[str, Array]) -> tuple[AbstractCell, dict[str, Array]]:
    """A cell that ONNX lacks as a GRU that computes the same; others as they are.

    Without a reset gate: one that is always open. A minGRU: no recurrent weights besides.
    """
    units = cell.hidden_size
    bare = isinstance(cell, MinGRUCell)
    if not bare and not (isinstance(cell, GRUCell) and cell.reset == "none"):
        return cell, dict(own)
    gru = GRUCell(
        input_size=cell.input_size,
        hidden_size=units,
        activation=cell.activation,
        gate_activation=cell.gate_activation,
        learn_initial_state=cell.learn_initial_state,
        zoneout=cell.zoneout,
    )
    dtype = own["input_weight"].dtype
    weights = {}
    for name, shape in gru.parameters().items():
        rest = own.get(name, np.zeros((2 * units, *shape[1:]), dtype))
        if name.startswith("initial_"):
            weights[name] = own[name]
            continue
        opened = np.full((units, *shape[1:]), _OPEN if name == "input_bias" else 0.0, dtype)
        weights[name] = np.concatenate((opened, rest))
    return gru, weights
