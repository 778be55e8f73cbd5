"""One step of a cell out of ONNX's plain operations, for what its GRU, LSTM and RNN cannot do.

They have no zoneout, no hard_tanh, no update gate but a sigmoid's, and no decay of h.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.convert.onnx_writer import Writer
from recurra.spec.cells import AbstractCell, GRUCell, LSTMCell, MinGRUCell

__all__ = ["cell_step", "projected"]


def projected(writer: Writer, cell: AbstractCell, path: str, x: str) -> str:
    """What the gates read of the input: W x + b, [..., I] -> [..., G * H]."""
    weight = writer.weights[f"{path}.input_weight"]
    bias = writer.weights[f"{path}.input_bias"] if cell.bias else None
    return writer.linear(x, f"{path}.input", weight, bias)


def cell_step(
    writer: Writer, cell: AbstractCell, path: str, gates: str, states: Sequence[str]
) -> list[str]:
    """The nodes of one step; the equations stand in `recurra.spec.cells`.

    Args:
        writer: What they are added to.
        cell: As it is at inference: zoneout is its expectation.
        path: Of its parameters.
        gates: What `projected` gave for this step, [rows, G * H].
        states: Its state, [rows, H] each.

    Returns:
        The new state.
    """
    if isinstance(cell, GRUCell):
        return [_gru(writer, cell, path, gates, states[0])]
    if isinstance(cell, LSTMCell):
        return _lstm(writer, cell, path, gates, states)
    if isinstance(cell, MinGRUCell):
        update, candidate = writer.split(gates, [cell.hidden_size] * 2)
        candidate = writer.activation(cell.activation, candidate)
        return [_moved(writer, cell, states[0], update, candidate)]
    total = writer.add("Add", [gates, _product(writer, cell, path, states[0])])
    new = writer.activation(cell.activation, total)
    return [_taken(writer, states[0], new, cell.zoneout)]


def _product(
    writer: Writer, cell: AbstractCell, path: str, h: str, rows: slice | None = None, part: str = ""
) -> str:
    """U h + c, of these rows of the weights."""
    which = slice(None) if rows is None else rows
    weight = writer.weights[f"{path}.recurrent_weight"][which]
    bias = writer.weights[f"{path}.recurrent_bias"][which] if cell.bias else None
    return writer.linear(h, f"{path}.recurrent{part}", weight, bias)


def _gru(writer: Writer, cell: GRUCell, path: str, gates: str, h: str) -> str:
    units = cell.hidden_size
    split = units * (len(cell.gates) - 1)
    of_gates, of_candidate = writer.split(gates, [split, units])
    read = _product(writer, cell, path, h, slice(split), ".gates")
    summed = writer.add("Add", [of_gates, read])
    opened = update = summed
    if cell.reset != "none":
        opened, update = writer.split(summed, [units, units])
        opened = writer.activation(cell.gate_activation, opened)
    if cell.reset == "before":
        h_read = writer.add("Mul", [opened, h])
        product = _product(writer, cell, path, h_read, slice(split, None), ".candidate")
    else:
        product = _product(writer, cell, path, h, slice(split, None), ".candidate")
    if cell.reset == "after":
        product = writer.add("Mul", [opened, product])
    candidate = writer.activation(cell.activation, writer.add("Add", [of_candidate, product]))
    return _moved(writer, cell, h, update, candidate)


def _lstm(
    writer: Writer, cell: LSTMCell, path: str, gates: str, states: Sequence[str]
) -> list[str]:
    h, c = states
    total = writer.add("Add", [gates, _product(writer, cell, path, h)])
    blocks = dict(zip(cell.gates, writer.split(total, [cell.hidden_size] * 4), strict=True))
    taken = {
        name: writer.activation(
            cell.activation if name == "cell" else cell.gate_activation, blocks[name]
        )
        for name in cell.gates
    }
    kept = writer.add("Mul", [taken["forget"], c])
    new = writer.add("Add", [kept, writer.add("Mul", [taken["input"], taken["cell"]])])
    out = writer.add("Mul", [taken["output"], writer.activation(cell.activation, new)])
    return [_taken(writer, h, out, cell.zoneout), _taken(writer, c, new, cell.zoneout_cell)]


def _moved(writer: Writer, cell: AbstractCell, h: str, update: str, candidate: str) -> str:
    """h + update * (candidate - h), the update's activation taken here."""
    update = writer.activation(cell.gate_activation, update)
    way = writer.add("Mul", [update, writer.add("Sub", [candidate, h])])
    return _taken(writer, h, writer.add("Add", [h, way]), cell.zoneout)


def _taken(writer: Writer, held: str, new: str, zoneout: float) -> str:
    """What zoneout leaves of the step from `held` to `new`, in expectation."""
    if not zoneout:
        return new
    share: Any = writer.constant(1.0 - zoneout, np.float32)
    way = writer.add("Mul", [share, writer.add("Sub", [new, held])])
    return writer.add("Add", [held, way])
