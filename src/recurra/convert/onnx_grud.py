"""The GRU with decay, in ONNX: a Scan, whose state is h, the last values and the time since."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from recurra.convert.layouts import Array
from recurra.convert.onnx_steps import cell_step, projected
from recurra.convert.onnx_writer import LENGTHS, Writer
from recurra.spec.nodes import GRUD

__all__ = ["grud"]


def grud(writer: Writer, node: GRUD, sources: list[str], path: str, _: bool = False) -> str:
    """x, observed [batch, time, C], elapsed [batch, time, 1] -> [batch, time, H].

    The equations stand in `recurra.spec.nodes`.
    """
    own = {name: writer.weights[f"{path}.{name}"] for name in node.parameters()}
    mean = writer.weight(f"{path}.mean")
    zero, one = (writer.constant(value, np.float32) for value in (0.0, 1.0))

    def step(states: list[str], read: list[str]) -> tuple[list[str], str]:
        (h, last, since), (x, observed, elapsed, counts) = states, read
        run = writer.add("Unsqueeze", [counts, writer.constant([1])])
        seen = writer.add("Not", [writer.add("Equal", [observed, zero])])
        seen = writer.add("And", [seen, run])
        ago = writer.add("Add", [since, elapsed])
        rate = writer.add("Mul", [ago, writer.weight(f"{path}.input_decay_weight")])
        rate = writer.add("Add", [rate, writer.weight(f"{path}.input_decay_bias")])
        keep = _fading(writer, rate)
        fallen = writer.add("Mul", [writer.add("Sub", [one, keep]), mean])
        fallen = writer.add("Add", [writer.add("Mul", [keep, last]), fallen])
        filled = writer.add("Where", [seen, x, fallen])
        flags = writer.add("Cast", [seen], to=TensorProto.FLOAT)
        rates = writer.linear(
            ago, f"{path}.hidden_decay", own["hidden_decay_weight"], own["hidden_decay_bias"]
        )
        faded = writer.add("Mul", [_fading(writer, rates), h])
        both = writer.add("Concat", [filled, flags], axis=1)
        gates = projected(writer, node.cell, f"{path}.cell", both)
        (new,) = cell_step(writer, node.cell, f"{path}.cell", gates, [faded])
        passed = writer.add("Where", [run, ago, since])
        after = [
            writer.add("Where", [run, new, h]),
            writer.add("Where", [seen, x, last]),
            writer.add("Where", [seen, zero, passed]),
        ]
        return after, writer.add("Where", [run, new, zero])

    read = [(source, TensorProto.FLOAT) for source in sources]
    read.append((writer.steps.counts, TensorProto.BOOL))
    slots = node.state_slots()
    if not writer.streams:
        first = [
            writer.rows(LENGTHS, f"{path}.first_{name}", row) for name, row in _begin(node, own)
        ]
        return writer.scan(first, read, step)[1]
    entered = [writer.slot(f"{path}.{name}", *shape) for name, shape in slots.items()]
    after, y = writer.scan([entering for entering, _ in entered], read, step)
    for name, names in zip(after, entered, strict=True):
        writer.add("Identity", [name], output=names[1])
    return y


def _begin(node: GRUD, own: dict[str, Array]) -> list[tuple[str, Array]]:
    """The state ahead of the first step: the cell's own h, every feature at its mean, no time."""
    h = own.get("cell.initial_h", np.zeros(node.cell.hidden_size, np.float32))
    return [("h", h), ("last", own["mean"]), ("since", np.zeros_like(own["mean"]))]


def _fading(writer: Writer, rate: str) -> str:
    """exp(-max(0, rate))."""
    return writer.add("Exp", [writer.add("Neg", [writer.add("Relu", [rate])])])
