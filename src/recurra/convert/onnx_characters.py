"""The characters of each word become its vector, in ONNX."""

from __future__ import annotations

from onnx import TensorProto

from recurra.convert.onnx_recurrent import both_ways
from recurra.convert.onnx_writer import Writer
from recurra.spec.characters import Characters

__all__ = ["characters"]


def characters(
    writer: Writer, node: Characters, sources: list[str], path: str, _: bool = False
) -> str:
    """Words [batch, time, characters], 0 being padding on the right -> [batch, time, H + H]."""
    zero = writer.constant(0)
    # Whatever stands at padding, the table has a row 0; a column more, so that there is one.
    known = writer.add("Where", [writer.counts3, sources[0], zero])
    flat = writer.add("Flatten", [known], axis=2)
    column = writer.constant([0, 0, 0, 1])
    words = writer.add("Pad", [flat, column, zero])
    signs = writer.add("Not", [writer.add("Equal", [words, zero])])
    lengths = writer.add(
        "ReduceSum",
        [writer.add("Cast", [signs], to=TensorProto.INT64), writer.constant([1])],
        keepdims=0,
    )
    vectors = writer.add("Gather", [writer.weight(f"{path}.weight"), words], axis=0)
    steps = writer.sequences(words, lengths)
    ends = both_ways(writer, node.cells, f"{path}.encoder", vectors, steps)[1]
    both = writer.add("Concat", [ends[0][0], ends[1][0]], axis=1)
    shape = writer.add("Shape", [sources[0]], end=2)
    width = node.cells.forward.hidden_size + node.cells.backward.hidden_size
    shape = writer.add("Concat", [shape, writer.constant([width])], axis=0)
    return writer.only_counted(writer.add("Reshape", [both, shape]))
