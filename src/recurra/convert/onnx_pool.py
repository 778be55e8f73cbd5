"""Steps -> one row, in ONNX: the newest step, the mean of the steps, their maximum."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from recurra.convert.onnx_writer import LENGTHS, Writer
from recurra.spec.nodes import Pool

__all__ = ["pool"]


def pool(writer: Writer, node: Pool, sources: list[str], path: str, _: bool = False) -> str:
    """Over the steps that count so far; number and sum are float64, as the runtime's.

    A stream of many millions of steps keeps its mean so.
    """
    x, before, after = sources[0], "", ""
    column = writer.add("Unsqueeze", [LENGTHS, writer.constant([1])])
    seen = writer.add("Cast", [column], to=TensorProto.DOUBLE)
    if writer.streams:
        before, after = writer.slot(f"{path}.seen", 1, dtype=np.float64)
        seen = writer.add("Add", [seen, before], output=after)
    rows = []
    if "last" in node.modes:
        newest = writer.add("Sub", [column, writer.constant(1)])
        newest = writer.add("Max", [newest, writer.constant(0)])
        rows.append(_last(writer, path, node, writer.add("GatherND", [x, newest], batch_dims=1)))
    if "mean" in node.modes:
        exact = writer.add("Cast", [writer.only_counted(x)], to=TensorProto.DOUBLE)
        total = writer.add("ReduceSum", [exact, writer.constant([1])], keepdims=0)
        if writer.streams:
            old, new = writer.slot(f"{path}.mean", node.size, dtype=np.float64)
            total = writer.add("Add", [total, old], output=new)
        # No step yet: 0 / 1.
        number = writer.add("Max", [seen, writer.constant(1.0, np.float64)])
        mean = writer.add("Div", [total, number])
        rows.append(writer.add("Cast", [mean], to=TensorProto.FLOAT))
    if "max" in node.modes:
        rows.append(_max(writer, path, node, x, before, seen))
    return rows[0] if len(rows) == 1 else writer.add("Concat", rows, axis=1)


def _last(writer: Writer, path: str, node: Pool, row: str) -> str:
    """The row where the chunk has a step that counts, else what was held before."""
    if not writer.streams:
        return writer.add("Where", [writer.steps.some, row, writer.constant(0.0, np.float32)])
    entering, leaving = writer.slot(f"{path}.last", node.size)
    return writer.add("Where", [writer.steps.some, row, entering], output=leaving)


def _max(writer: Writer, path: str, node: Pool, x: str, before: str, seen: str) -> str:
    """The maximum of the chunk and of what was held before; zeros where nothing was seen."""
    least, zero = writer.constant(-np.inf, np.float32), writer.constant(0.0, np.float32)
    high = writer.add("Where", [writer.counts3, x, least])
    row = writer.add("ReduceMax", [high], axes=[1], keepdims=0)
    if not writer.streams:
        return writer.add("Where", [writer.steps.some, row, zero])
    entering, leaving = writer.slot(f"{path}.max", node.size)
    none = writer.constant(0.0, np.float64)
    held = writer.add("Where", [writer.add("Greater", [before, none]), entering, least])
    row = writer.add("Max", [row, held])
    known = writer.add("Greater", [seen, none])
    return writer.add("Where", [known, row, zero], output=leaving)
