"""A graph of recurra as an ONNX model, node by node, with the state as explicit inputs and outputs.

inputs:   each graph input by its name: x [batch, time, size], tokens int64 [batch, time], pieces
          int64 [batch, time, width], a row [batch, size], a memory [batch, places, size] and how
          many of its places count, int64 [batch]; lengths int64 [batch], where there are steps;
          state.PATH of each state slot, where the graph streams
outputs:  each graph output by its name; next_state.PATH of each state slot
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, ValueInfoProto, helper, numpy_helper

from recurra.convert.layouts import Array
from recurra.convert.onnx_nodes import write_node
from recurra.convert.onnx_writer import LENGTHS, Writer
from recurra.errors import ConversionError
from recurra.spec.graph import Graph
from recurra.spec.node import Signal
from recurra.spec.version import __version__

__all__ = ["IR_VERSION", "OPSET", "model_of", "packed", "value_info"]

# Runs in every ONNX Runtime since 1.14; GRU, LSTM and RNN have not changed since opset 14.
OPSET = 17
IR_VERSION = 8
# Where a protocol buffer ends; the nodes and the metadata need some room too.
_MOST_BYTES = 2**31 - 2**24


def model_of(
    graph: Graph,
    weights: Mapping[str, Array],
    metadata: Mapping[str, str] | None = None,
    *,
    reverse: bool = False,
) -> ModelProto:
    """The ONNX model that computes a graph.

    Args:
        graph: The network; the state is explicit where it streams, else it begins at its own.
        weights: Every parameter by its path, float32.
        metadata: Texts that go into the model's own metadata.
        reverse: The graph's cells, of one direction, read each row from its end.

    Raises:
        ConversionError: a node, an activation or a dtype has no form in ONNX; says which.
    """
    _refuse(graph, weights)
    writer = Writer(graph, weights, reverse=reverse)
    signals = graph.signals()
    names = {name: name for name in graph.inputs}
    for step in graph.steps:
        writer.path = step.name
        sources = [names[name] for name in step.inputs]
        on_rows = signals[step.inputs[0]].axes == "row"
        names[step.name] = write_node(writer, step.node, sources, step.name, on_rows)
    for name in graph.outputs:
        writer.add("Identity", [names[name]], output=name)
    inputs = [value_info(name, signal) for name, signal in graph.inputs.items()]
    outputs = [value_info(name, signals[name]) for name in graph.outputs]
    return packed(writer, inputs, outputs, metadata)


def packed(
    writer: Writer,
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
    metadata: Mapping[str, str] | None = None,
) -> ModelProto:
    """The model of all that was written: these inputs and outputs, then the writer's own."""
    inside = helper.make_graph(
        writer.nodes,
        "recurra",
        [*inputs, *writer.inputs],
        [*outputs, *writer.outputs],
        [numpy_helper.from_array(array, name) for name, array in writer.constants.items()],
    )
    model = helper.make_model(
        inside,
        producer_name="recurra",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, dict(metadata or {}))
    return model


def _refuse(graph: Graph, weights: Mapping[str, Array]) -> None:
    wide = [name for name, array in weights.items() if array.dtype != np.float32]
    if wide:
        raise ConversionError(
            f"{wide[0]} is of {weights[wide[0]].dtype}: ONNX Runtime computes GRU, LSTM and RNN in "
            "float32 only; train with precision='float32', or convert the weights first"
        )
    size = sum(array.nbytes for array in weights.values())
    if size >= _MOST_BYTES:
        raise ConversionError(
            f"the weights are of {size / 2**30:.1f} GiB, and an ONNX model in one file ends at 2: "
            "take a smaller network"
        )
    if LENGTHS in {*graph.inputs, *graph.outputs}:
        raise ConversionError(
            f"the graph has an input or output named {LENGTHS!r}, which the export gives to the "
            "lengths of the rows: name it otherwise"
        )


_AXES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "row": ("batch",),
        "steps": ("batch", "time"),
        "pieces": ("batch", "time", "width"),
        "memory": ("batch", "places"),
        "alignment": ("batch", "time", "places"),
    }
)


def value_info(name: str, signal: Signal) -> ValueInfoProto:
    """The name, element type and axes of an input or output."""
    axes: list[Any] = [*_AXES[signal.axes]]
    if signal.dtype != "float":
        return helper.make_tensor_value_info(name, TensorProto.INT64, axes)
    last = [] if signal.axes == "alignment" else [signal.size]
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, axes + last)
