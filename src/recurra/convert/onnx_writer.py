"""What collects the nodes and constants of an ONNX model while a graph's steps are walked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper

from recurra.convert.layouts import Array
from recurra.spec.graph import Graph

__all__ = ["LENGTHS", "Sequences", "Writer"]

# The input that says how many steps of each row count.
LENGTHS = "lengths"
_ELEMENTS = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.float64): TensorProto.DOUBLE}

# One step of a scan: (states, what the step reads) -> new states, what the step puts out.
Step = Callable[[list[str], list[str]], tuple[list[str], str]]


@dataclass(frozen=True)
class Sequences:
    """The names under which rows of steps are known.

    Args:
        lengths: How many steps of each row count, int64 [rows].
        counts: Which steps those are, bool [rows, time].
        some: Whether there are any, bool [rows, 1].
    """

    lengths: str
    counts: str
    some: str


class Writer:
    """The model as far as it is written.

    Args:
        graph: The network.
        weights: Its parameters by path, float32.
        reverse: Cells read each row from its end, and so do not stream.
    """

    def __init__(
        self, graph: Graph, weights: Mapping[str, Array], *, reverse: bool = False
    ) -> None:
        self.graph = graph
        self.weights = weights
        self.reverse = reverse
        self.streams = graph.why_not_streaming() is None and not reverse
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, Array] = {}
        self.inputs: list[ValueInfoProto] = []
        self.outputs: list[ValueInfoProto] = []
        self.path = "steps"
        self._numbers = count()
        # The first input that has steps says how many there are; rows alone have none.
        timed = [n for n, s in graph.inputs.items() if s.axes in ("steps", "pieces")]
        if timed:
            whole = helper.make_tensor_value_info(LENGTHS, TensorProto.INT64, ["batch"])
            self.inputs.append(whole)
            self.steps = self.sequences(timed[0], LENGTHS)
            self.counts3 = self.add("Unsqueeze", [self.steps.counts, self.constant([2])])

    def add(self, op: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """One more node with one output; gives the output's name."""
        output = output or f"{self.path}/{op}.{next(self._numbers)}"
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
        self.constants[path] = self.weights[path] if array is None else np.ascontiguousarray(array)
        return path

    def slot(self, path: str, *shape: int, dtype: Any = np.float32) -> tuple[str, str]:
        """The names under which a state slot enters and leaves."""
        entering, leaving = f"state.{path}", f"next_state.{path}"
        for name, values in ((entering, self.inputs), (leaving, self.outputs)):
            element = _ELEMENTS[np.dtype(dtype)]
            values.append(helper.make_tensor_value_info(name, element, ["batch", *shape]))
        return entering, leaving

    def split(self, x: str, sizes: Sequence[int], axis: int = 1) -> list[str]:
        """x cut into blocks of these sizes."""
        names = [f"{self.path}/Split.{next(self._numbers)}" for _ in sizes]
        node = helper.make_node(
            "Split", [x, self.constant(list(sizes))], names, name=f"{names[0]}.node", axis=axis
        )
        self.nodes.append(node)
        return names

    def linear(self, x: str, path: str, weight: Array, bias: Array | None) -> str:
        """W x + b along the last axis; W [O, I] and b [O] become constants named after `path`."""
        y = self.add("MatMul", [x, self.weight(f"{path}.turned", weight.T)])
        return y if bias is None else self.add("Add", [y, self.weight(f"{path}.bias", bias)])

    def activation(self, word: str, x: str) -> str:
        """One of `recurra.spec.cells.ACTIVATIONS` of x."""
        if word == "identity":
            return x
        if word == "hard_sigmoid":
            return self.add("HardSigmoid", [x], alpha=1 / 6, beta=0.5)
        if word == "hard_tanh":
            ends = [self.constant(end, np.float32) for end in (-1.0, 1.0)]
            return self.add("Clip", [x, *ends])
        return self.add(word.capitalize(), [x])

    def only_counted(self, x: str) -> str:
        """x [batch, time, size] with zeros at padding."""
        return self.add("Where", [self.counts3, x, self.constant(0.0, np.float32)])

    def sequences(self, timed: str, lengths: str) -> Sequences:
        """Which steps of `timed` [rows, time, ...] count."""
        shape = self.add("Shape", [timed], start=1, end=2)
        time = self.add("Squeeze", [shape, self.constant([0])])
        steps = self.add("Range", [self.constant(0), time, self.constant(1)])
        column = self.add("Unsqueeze", [lengths, self.constant([1])])
        counts = self.add("Less", [steps, column])
        return Sequences(lengths, counts, self.add("Greater", [column, self.constant(0)]))

    def rows(self, like: str, path: str, row: Array) -> str:
        """`row` [size] for each row of `like` [rows]: [rows, size]."""
        shape = self.add("Concat", [self.add("Shape", [like]), self.constant([len(row)])], axis=0)
        return self.add("Expand", [self.weight(path, row[None]), shape])

    def scan(
        self,
        first: Sequence[str],
        read: Sequence[tuple[str, int]],
        step: Step,
        *,
        reverse: bool = False,
        state: int = TensorProto.FLOAT,
        out: int = TensorProto.FLOAT,
    ) -> tuple[list[str], str]:
        """Run one step after the other.

        Args:
            first: The states ahead of the first step, [rows, size].
            read: What is read step by step, [rows, time, ...], and its element type.
            step: Adds the nodes of one step.
            reverse: From the last step to the first.
            state: Element type of the states.
            out: Element type of what the steps put out.

        Returns:
            The states after the last step; what the steps put out, [rows, time, size].
        """
        name = f"{self.path}/Scan.{next(self._numbers)}"
        entering = [f"{name}.state.{k}" for k in range(len(first))]
        reading = [f"{name}.step.{k}" for k in range(len(read))]
        outer, self.nodes = self.nodes, []
        leaving, y = step(entering, reading)
        # What leaves has a name of its own, also where it is held as it entered.
        leaving = [self.add("Identity", [one]) for one in (*leaving, y)]
        inner, self.nodes = self.nodes, outer
        kinds = [state] * len(first)
        elements = [*kinds, *(element for _, element in read)]
        body = helper.make_graph(
            inner,
            f"{name}.body",
            [
                helper.make_tensor_value_info(one, element, None)
                for one, element in zip((*entering, *reading), elements, strict=True)
            ],
            # ONNX Runtime asks how many axes they have.
            [
                helper.make_tensor_value_info(one, element, [None] * 2)
                for one, element in zip(leaving, (*kinds, out), strict=True)
            ],
        )
        found = [f"{name}.{k}" for k in range(len(leaving))]
        attributes: dict[str, Any] = {"scan_input_axes": [1] * len(read), "scan_output_axes": [1]}
        if reverse:
            attributes["scan_input_directions"] = [1] * len(read)
            attributes["scan_output_directions"] = [1]
        self.nodes.append(
            helper.make_node(
                "Scan",
                [*first, *(source for source, _ in read)],
                found,
                name=name,
                body=body,
                num_scan_inputs=len(read),
                **attributes,
            )
        )
        return found[:-1], found[-1]
