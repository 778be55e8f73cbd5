"""GRU, LSTM and RNN nodes of an ONNX file: their cells, what chains them, and what is left there.

Nothing of the model is run but what lies between two recurrent nodes and only moves values
(Transpose, Squeeze, Reshape and their like), in ONNX's own reference implementation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recurra.convert.found import Found, Side, join, stacked
from recurra.convert.layouts import Array
from recurra.convert.onnx_cells import OPS, cells_of
from recurra.errors import ConversionError, DependencyError

__all__ = ["load_model", "read_onnx"]

_INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
# They move values and change none.
_MOVING = {"Identity", "Transpose", "Squeeze", "Unsqueeze", "Reshape", "Concat", "Slice", "Split"}
# Weights are found behind a few of them at most; a forged file might chain millions.
_DEEPEST = 32
# Larger constants than this are read where a layer needs them, and never made by evaluating.
_MOST_ELEMENTS = 2**28


def load_model(model: Any) -> Any:
    """The model of a file, of bytes, or the model itself.

    Raises:
        ConversionError: it cannot be read, or is no ONNX model.
        DependencyError: the package onnx is not installed.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise DependencyError(
            'reading ONNX needs the package onnx: pip install "recurra[onnx]"'
        ) from error
    if isinstance(model, onnx.ModelProto):
        return model
    where = "the bytes given" if isinstance(model, bytes) else str(model)
    try:
        raw = model if isinstance(model, bytes) else Path(model).read_bytes()
        read = onnx.ModelProto.FromString(raw)
    except OSError as error:
        raise ConversionError(f"{where} cannot be read: {error.strerror}") from error
    except DecodeError as error:
        raise ConversionError(f"{where} is no ONNX model") from error
    # Any bytes that happen to be a message of other fields decode too.
    if not read.ir_version or not read.graph.node:
        raise ConversionError(f"{where} is no ONNX model, or an empty one")
    return read


def read_onnx(model: Any) -> tuple[list[Found], tuple[str, ...]]:
    """Every recurrent layer of a model that ours can hold, and what was left, in words.

    Args:
        model: A path, bytes, or an onnx.ModelProto.

    Raises:
        ConversionError: it is no ONNX model, has no recurrent layer, or one of them has something
            that our cells do not do; names it.
        DependencyError: the package onnx is not installed.
    """
    reader = _Reader(load_model(model))
    found = [reader.found(chain) for chain in reader.chains()]
    if not found:
        held = ", ".join(sorted({node.op_type for node in reader.nodes})) or "nothing"
        raise ConversionError(f"the model has no GRU, LSTM or RNN; it has {held}")
    return found, reader.left()


@dataclass(frozen=True)
class _Recurrent:
    """A recurrent node: its inputs by name, its attributes, its directions."""

    node: Any
    inputs: Mapping[str, str]
    attributes: Mapping[str, Any]
    sides: list[Side]

    @property
    def name(self) -> str:
        return str(self.node.name or self.node.output[0] or self.node.op_type)


class _Reader:
    def __init__(self, model: Any) -> None:
        import onnx

        self.onnx = onnx
        self.nodes = list(model.graph.node)
        self.opsets = {one.domain: one.version for one in model.opset_import} or {"": 17}
        self.fed = {one.name for one in model.graph.input}
        self.initializers = {one.name: one for one in model.graph.initializer}
        self.makers = {name: node for node in self.nodes for name in node.output if name}
        # Who asks for a value's shape alone does not read it.
        reading = [node for node in self.nodes if node.op_type != "Shape"]
        self.readers = Counter(name for node in reading for name in node.input if name)
        self.readers.update(one.name for one in model.graph.output)
        self.moved = set[int]()
        self.model = model
        self.shapes: dict[str, Any] | None = None
        self.recurrent = [
            self._recurrent(n) for n in self.nodes if n.op_type in OPS and not n.domain
        ]

    def _recurrent(self, node: Any) -> _Recurrent:
        inputs = dict(zip(_INPUTS, node.input, strict=False))
        attributes = {}
        for attribute in node.attribute:
            value = self.onnx.helper.get_attribute_value(attribute)
            if isinstance(value, list):
                value = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in value]
            attributes[attribute.name] = (
                value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            )
        arrays = {letter: self._needed(inputs, letter, node) for letter in ("W", "R", "B", "P")}
        name = node.name or node.output[0]
        sides = cells_of(node.op_type, name, attributes, arrays)
        return _Recurrent(node, inputs, attributes, [*sides])

    def _needed(self, inputs: Mapping[str, str], letter: str, node: Any) -> Array | None:
        name = inputs.get(letter)
        if not name:
            return None
        value = self.constant(name)
        if value is None:
            raise ConversionError(
                f"ONNX's {node.op_type} {node.name or node.output[0]!r} takes {letter} from "
                f"{name!r}, which is no constant of the file: fold the model's constants first"
            )
        if value.dtype not in (np.float32, np.float64):
            raise ConversionError(
                f"ONNX's {node.op_type} {node.name or node.output[0]!r} has {letter} of "
                f"{value.dtype}: expected float32 or float64"
            )
        return value

    def constant(self, name: str, depth: int = 0) -> Array | None:
        """The value of a name that the file alone decides; None: it does not."""
        if name in self.initializers:
            return self._array(self.initializers[name])
        node = self.makers.get(name)
        if node is None or node.domain or depth > _DEEPEST:
            return None
        if node.op_type == "Constant":
            value = node.attribute[0]
            if value.name == "value":
                return self._array(value.t)
            plain = np.asarray(self.onnx.helper.get_attribute_value(value))
            return plain.astype(np.float32) if plain.dtype == np.float64 else plain
        if node.op_type not in _MOVING:
            return None
        inputs = {n: self.constant(n, depth + 1) for n in node.input if n}
        if any(value is None for value in inputs.values()):
            return None
        return self._moved_values(node, inputs, name)

    def _array(self, tensor: Any) -> Array:
        onnx = self.onnx
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise ConversionError(
                f"{tensor.name!r} lies in another file: save the model in one file first"
            )
        try:
            return np.asarray(onnx.numpy_helper.to_array(tensor))
        except (TypeError, ValueError) as error:
            raise ConversionError(f"the constant {tensor.name!r} is damaged: {error}") from error

    def _moved_values(self, node: Any, inputs: Mapping[str, Any], name: str) -> Array:
        """What a node that only moves values makes of these."""
        from onnx.reference import ReferenceEvaluator

        if sum(np.size(value) for value in inputs.values()) > _MOST_ELEMENTS:
            raise ConversionError(f"{name!r} is made of more values than are moved here")
        try:
            run = ReferenceEvaluator(node, opsets=self.opsets)
            values: Any = run.run(None, dict(inputs))
        except Exception as error:
            raise ConversionError(
                f"{node.op_type} that makes {name!r} cannot be run: {error}"
            ) from error
        return np.asarray(values[list(node.output).index(name)])

    def chains(self) -> list[list[_Recurrent]]:
        """The recurrent nodes, those together that are layers above one another."""
        chains: list[list[_Recurrent]] = []
        for one in self.recurrent:
            below = self._below(one)
            for chain in chains:
                if below is not None and chain[-1] is below:
                    chain.append(one)
                    break
            else:
                chains.append([one])
        return chains

    def _below(self, one: _Recurrent) -> _Recurrent | None:
        """The node whose whole output, put side by side by direction, is this one's input."""
        path, name = list[tuple[Any, str]](), one.inputs["X"]
        for _ in range(_DEEPEST):
            node = self.makers.get(name)
            if node is None or self.readers[name] != 1:
                return None
            source = next((r for r in self.recurrent if r.node is node), None)
            if source is not None:
                fits = node.output[0] == name and self._flows(source, one, path)
                if fits:
                    self.moved.update(id(moving) for moving, _ in path)
                return source if fits else None
            if node.op_type not in _MOVING or node.domain or node.op_type == "Concat":
                return None
            path.append((node, name))
            name = node.input[0]
        return None

    def _flows(self, source: _Recurrent, one: _Recurrent, path: Sequence[tuple[Any, str]]) -> bool:
        """Whether each value arrives at its step, row and unit: tried with numbered values."""
        sides = len(source.sides)
        units = source.sides[0][0].hidden_size  # type: ignore[attr-defined]  # it is a cell
        time, batch = self._axes(source)
        numbered = np.arange(time * sides * batch * units, dtype=np.float32)
        values: Array = numbered.reshape(time, sides, batch, units)
        if (
            source.attributes.get("direction") == "reverse"
            or one.attributes.get("direction") == "reverse"
        ):
            return False
        wanted: Array = values.transpose(0, 2, 1, 3).reshape(time, batch, sides * units)
        if source.attributes.get("layout"):
            values = values.transpose(2, 0, 1, 3)
        if one.attributes.get("layout"):
            wanted = wanted.transpose(1, 0, 2)
        for node, name in reversed(path):
            others = {n: self.constant(n) for n in node.input[1:] if n}
            if any(value is None for value in others.values()):
                return False
            try:
                values = self._moved_values(node, {str(node.input[0]): values, **others}, name)
            except ConversionError:
                return False
        return bool(np.array_equal(values, wanted))

    def _axes(self, source: _Recurrent) -> tuple[int, int]:
        """Steps and rows to try a chain with: those that the model fixes, else any."""
        if self.shapes is None:
            try:
                inferred = self.onnx.shape_inference.infer_shapes(self.model).graph
            except Exception as error:
                raise ConversionError(
                    f"the model's shapes contradict each other: {error}"
                ) from error
            self.shapes = {one.name: one.type.tensor_type.shape.dim for one in inferred.value_info}
        axes = [axis.dim_value for axis in self.shapes.get(source.node.output[0], ())]
        if len(axes) != 4:
            return 3, 2
        if source.attributes.get("layout"):
            axes = [axes[1], axes[2], axes[0], axes[3]]
        return axes[0] or 3, axes[2] or 2

    def found(self, chain: Sequence[_Recurrent]) -> Found:
        """The layers of a chain as one."""
        node, weights = stacked([join(one.sides) for one in chain])
        notes = []
        for one in chain:
            for state in ("initial_h", "initial_c"):
                name = one.inputs.get(state)
                if name and name not in self.fed and not self._zeros(name):
                    notes.append(f"{one.name}: its {state}, made by the model ({name})")
        reverse = chain[0].attributes.get("direction") == "reverse"
        return Found(chain[0].name, node, weights, reverse, tuple(notes))

    def _zeros(self, name: str, depth: int = 0) -> bool:
        """Whether a name holds nothing but zeros, whatever its shape."""
        value = self.constant(name)
        if value is not None:
            return not value.any()
        node = self.makers.get(name)
        if node is None or node.domain or depth > _DEEPEST:
            return False
        if node.op_type == "ConstantOfShape":
            return not any(self._array(a.t).any() for a in node.attribute if a.name == "value")
        if node.op_type == "Expand" or (node.op_type in _MOVING and node.op_type != "Concat"):
            return self._zeros(node.input[0], depth + 1)
        return False

    def left(self) -> tuple[str, ...]:
        """What the model holds besides, in words."""
        own = {id(one.node) for one in self.recurrent} | self.moved
        others = Counter(
            node.op_type
            for node in self.nodes
            if id(node) not in own and node.op_type != "Constant"
        )
        lines = [f"{count} {op}" if count > 1 else op for op, count in sorted(others.items())]
        inner = [
            node.name or node.op_type
            for node in self.nodes
            if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)
        ]
        return (*lines, *(f"the graphs inside {name}, not looked into" for name in inner))
