"""What collects the nodes and constants of an ONNX model while a graph's steps are walked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper

from recurra.convert.layouts import Array
from recurra.spec.graph import Graph

__all__ = ["LENGTHS", "Writer"]

# The input that says how many steps of each row count.
LENGTHS = "lengths"


class Writer:
    """The model as far as it is written.

    Args:
        graph: The network.
        weights: Its parameters by path, float32.
    """

    def __init__(self, graph: Graph, weights: Mapping[str, Array]) -> None:
        self.graph = graph
        self.weights = weights
        self.streams = graph.why_not_streaming() is None
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, Array] = {}
        self.inputs: list[ValueInfoProto] = []
        self.outputs: list[ValueInfoProto] = []
        self.path = "steps"
        self._steps_that_count()

    def add(self, op: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """One more node with one output; gives the output's name."""
        output = output or f"{self.path}/{op}.{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(op, list(inputs), [output], name=f"{output}.node", **attributes)
        )
        return output

    def constant(self, value: Any, dtype: Any = np.int64) -> str:
        """The name of a constant; equal ones are held once."""
        array = np.asarray(value, dtype)
        name = f"constant/{array.dtype.name}/{'_'.join(map(str, array.shape))}/{array.tolist()}"
        self.constants[name] = array
        return name

    def weight(self, path: str, array: Array | None = None) -> str:
        """The name of a parameter, in the form given."""
        self.constants[path] = self.weights[path] if array is None else array
        return path

    def slot(self, path: str, size: int) -> tuple[str, str]:
        """The names under which a state slot enters and leaves."""
        entering, leaving = self.slot_names(path)
        for name, values in ((entering, self.inputs), (leaving, self.outputs)):
            values.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size]))
        return entering, leaving

    def slot_names(self, path: str) -> tuple[str, str]:
        """As `slot`, of a slot that is there already."""
        return f"state.{path}", f"next_state.{path}"

    def _steps_that_count(self) -> None:
        """What every step's input shares: the lengths, and which steps of [batch, time] count."""
        named = next(n for n, s in self.graph.inputs.items() if s.axes == "steps")
        self.inputs.append(helper.make_tensor_value_info(LENGTHS, TensorProto.INT64, ["batch"]))
        shape = self.add("Shape", [named], start=1, end=2)
        time = self.add("Squeeze", [shape, self.constant([0])])
        steps = self.add("Range", [self.constant(0), time, self.constant(1)])
        self.column = self.add("Unsqueeze", [LENGTHS, self.constant([1])])
        self.counts = self.add("Less", [steps, self.column])
        self.counts3 = self.add("Unsqueeze", [self.counts, self.constant([2])])
        self.some = self.add("Greater", [self.column, self.constant(0)])
        self.lengths = self.add("Cast", [LENGTHS], to=TensorProto.INT32)

    def only_counted(self, x: str) -> str:
        """x [batch, time, size] with zeros at padding."""
        return self.add("Where", [self.counts3, x, self.constant(0.0, np.float32)])
