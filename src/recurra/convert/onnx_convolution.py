"""A causal convolution along time, in ONNX."""

from __future__ import annotations

from recurra.convert.onnx_writer import LENGTHS, Writer
from recurra.spec.convolution import Convolution

__all__ = ["convolution"]


def convolution(
    writer: Writer, node: Convolution, sources: list[str], path: str, _: bool = False
) -> str:
    """ONNX's Conv over the newest steps, as the state holds them, and those of the chunk."""
    x, before = writer.only_counted(sources[0]), node.width - 1
    flat = writer.weights[f"{path}.weight"]
    weight = flat.reshape(node.output_size, node.width, node.input_size).transpose(0, 2, 1)
    inputs = [writer.weight(f"{path}.weight", weight)]
    if node.bias:
        inputs.append(writer.weight(f"{path}.bias"))
    pads = [0 if writer.streams else before, 0]
    if writer.streams:
        entering, leaving = writer.slot(f"{path}.recent", before, node.input_size)
        x = writer.add("Concat", [entering, x], axis=1) if before else x
        if before:
            # After n steps that count, the newest ones stand at n .. n + width - 2.
            first = writer.add("Unsqueeze", [LENGTHS, writer.constant([1])])
            at = writer.add("Add", [first, writer.constant(range(before))])
            at = writer.add("Unsqueeze", [at, writer.constant([2])])
            writer.add("GatherND", [x, at], output=leaving, batch_dims=1)
        else:
            writer.add("Identity", [entering], output=leaving)
    turned = writer.add("Transpose", [x], perm=[0, 2, 1])
    y = writer.add("Conv", [turned, *inputs], kernel_shape=[node.width], pads=pads)
    y = writer.activation(node.activation, y)
    return writer.only_counted(writer.add("Transpose", [y], perm=[0, 2, 1]))
