"""GRU, LSTM and RNN nodes of an ONNX file: their cells, what chains them, and what is left there.

Nothing of the model is run but what lies between two recurrent nodes and only moves values
(Transpose, Squeeze, Reshape and their like), in ONNX's own reference implementation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from recurra.convert.found import Found, Side, join, stacked
from recurra.convert.layouts import Array
from recurra.convert.onnx_cells import OPS, cells_of
from recurra.errors import ConversionError, DependencyError

__all__ = ["load_model", "read_onnx"]

# The attributes of GRU, LSTM and RNN, and the type of each.
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "activation_alpha": "FLOATS",
        "activation_beta": "FLOATS",
        "activations": "STRINGS",
        "clip": "FLOAT",
        "direction": "STRING",
        "hidden_size": "INT",
        "input_forget": "INT",
        "layout": "INT",
        "linear_before_reset": "INT",
        "output_sequence": "INT",
    }
)
_INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
# They move values and change none.
_MOVING = {"Identity", "Transpose", "Squeeze", "Unsqueeze", "Reshape", "Concat", "Slice", "Split"}
# Weights are found behind a few of them at most; a forged file might chain millions.
_DEEPEST = 32
# So many values fill the 2 GiB at which a protocol buffer ends. A forged file might name the same
# ones again and again: in all no more than these are held, and no more are moved.
_MOST_VALUES = 2**29
_MOST_BYTES = 2**31


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
    raw = model if isinstance(model, bytes) else _bytes_of(Path(model))
    try:
        read = onnx.ModelProto.FromString(raw)
    except DecodeError as error:
        raise ConversionError(f"{where} is no ONNX model, or is cut off") from error
    # Any bytes that happen to be a message of other fields decode too.
    if not read.ir_version or not read.graph.node:
        raise ConversionError(f"{where} is no ONNX model, or an empty one")
    # What is not UTF-8 comes as bytes, which are no name.
    for node in read.graph.node:
        names = (node.op_type, node.name, node.domain, *node.input, *node.output)
        if not all(isinstance(name, str) for name in (*names, *(a.name for a in node.attribute))):
            raise ConversionError(f"{where} is damaged: a node has a name that is not UTF-8")
    return read


def _bytes_of(path: Path) -> bytes:
    """A file's bytes, no more than an ONNX model can have."""
    try:
        size = path.stat().st_size
        # A pipe or a device might never end.
        if not path.is_file():
            raise ConversionError(f"{path} is no file")
        if size >= _MOST_BYTES:
            raise ConversionError(
                f"{path} is of {size / 2**30:.1f} GiB, and an ONNX model in one file ends at 2: it "
                "is none, or damaged"
            )
        return path.read_bytes()
    except OSError as error:
        raise ConversionError(f"{path} cannot be read: {error.strerror}") from error


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
        inner = "; graphs inside others are not looked into" if reader.inner() else ""
        raise ConversionError(f"the model has no GRU, LSTM or RNN; it has {held}{inner}")
    return found, reader.left()


@dataclass(frozen=True)
class _Recurrent:
    """A recurrent node: its inputs by name, its attributes, its directions."""

    name: str
    node: Any
    inputs: Mapping[str, str]
    attributes: Mapping[str, Any]
    sides: list[Side]


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
        self.made: dict[str, Array | None] = {}
        self.values_moved = self.values_held = 0
        self.model = model
        self.shapes: dict[str, Any] | None = None
        named = Counter[str]()
        self.recurrent = [
            self._recurrent(n, named) for n in self.nodes if n.op_type in OPS and not n.domain
        ]
        self.by_node = {id(one.node): one for one in self.recurrent}

    def _recurrent(self, node: Any, named: Counter[str]) -> _Recurrent:
        name = str(node.name or next(filter(None, node.output), node.op_type))
        named[name] += 1
        # Names should differ and need not; a layer must not take another one's place.
        if named[name] > 1:
            name = f"{name}.{named[name]}"
        inputs = dict(zip(_INPUTS, node.input, strict=False))
        attributes = {one.name: self._attribute(one, node.op_type, name) for one in node.attribute}
        arrays = {
            letter: self._needed(inputs, letter, node.op_type, name)
            for letter in ("W", "R", "B", "P")
        }
        self.values_held += sum(array.size for array in arrays.values() if array is not None)
        if self.values_held > _MOST_VALUES:
            raise ConversionError("the layers hold more values than a file can: it is forged")
        sides = cells_of(node.op_type, name, attributes, arrays)
        return _Recurrent(name, node, inputs, attributes, [*sides])

    def _attribute(self, attribute: Any, op: str, name: str) -> Any:
        """The value of an attribute, texts decoded."""
        kinds = self.onnx.AttributeProto
        wanted = _KINDS.get(attribute.name)
        if wanted is not None and attribute.type != kinds.AttributeType.Value(wanted):
            known = kinds.AttributeType.DESCRIPTOR.values_by_number.get(attribute.type)
            came = known.name if known is not None else attribute.type
            raise ConversionError(
                f"ONNX's {op} {name!r} has {attribute.name} of type {came}: expected {wanted}"
            )
        if wanted is None:
            return None  # refused by its name
        value = self.onnx.helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if isinstance(value, list | tuple):
            return [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in value]
        return value

    def _needed(self, inputs: Mapping[str, str], letter: str, op: str, name: str) -> Array | None:
        source = inputs.get(letter)
        if not source:
            return None
        value = self.constant(source)
        if value is None:
            raise ConversionError(
                f"ONNX's {op} {name!r} takes {letter} from {source!r}, which is no constant of the "
                "file: fold the model's constants first"
            )
        if value.dtype not in (np.float32, np.float64):
            raise ConversionError(
                f"ONNX's {op} {name!r} has {letter} of {value.dtype}: expected float32 or float64"
            )
        return value

    def constant(self, name: str, depth: int = 0) -> Array | None:
        """The value of a name that the file alone decides; None: it does not."""
        if name not in self.made:
            self.made[name] = self._constant(name, depth)
        return self.made[name]

    def _constant(self, name: str, depth: int) -> Array | None:
        if name in self.initializers:
            return self._array(self.initializers[name])
        node = self.makers.get(name)
        if node is None or node.domain or depth > _DEEPEST:
            return None
        if node.op_type == "Constant":
            return self._written(node)
        if node.op_type not in _MOVING:
            return None
        inputs = {n: self.constant(n, depth + 1) for n in node.input if n}
        if any(value is None for value in inputs.values()):
            return None
        return self._moved_values(node, inputs, name)

    def _written(self, node: Any) -> Array:
        """The value of a Constant."""
        try:
            (value,) = node.attribute
            if value.name == "value":
                return self._array(value.t)
            plain = np.asarray(self.onnx.helper.get_attribute_value(value))
        except (AttributeError, ValueError, TypeError) as error:
            raise ConversionError(f"the Constant {node.name!r} is damaged: {error}") from error
        return plain.astype(np.float32) if plain.dtype == np.float64 else plain

    def _array(self, tensor: Any) -> Array:
        onnx = self.onnx
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise ConversionError(
                f"{tensor.name!r} lies in another file: save the model in one file first"
            )
        try:
            return np.asarray(onnx.numpy_helper.to_array(tensor))
        except (ArithmeticError, KeyError, MemoryError, TypeError, ValueError) as error:
            raise ConversionError(f"the constant {tensor.name!r} is damaged: {error}") from error

    def _moved_values(self, node: Any, inputs: Mapping[str, Any], name: str) -> Array:
        """What a node that only moves values makes of these."""
        from onnx.reference import ReferenceEvaluator

        self.values_moved += sum(np.size(value) for value in inputs.values())
        if self.values_moved > _MOST_VALUES:
            raise ConversionError(f"{name!r} is made of more values than a file can hold")
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
        ends: dict[str, list[_Recurrent]] = {}
        chains: list[list[_Recurrent]] = []
        for one in self.recurrent:
            below = self._below(one)
            chain = None if below is None else ends.pop(below.name, None)
            if chain is None:
                chain = []
                chains.append(chain)
            chain.append(one)
            ends[one.name] = chain
        return chains

    def _below(self, one: _Recurrent) -> _Recurrent | None:
        """The node whose whole output, put side by side by direction, is this one's input."""
        path, name = list[tuple[Any, str]](), one.inputs["X"]
        for _ in range(_DEEPEST):
            node = self.makers.get(name)
            if node is None or self.readers[name] != 1:
                return None
            source = self.by_node.get(id(node))
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
            for state in ("sequence_lens", "initial_h", "initial_c"):
                name = one.inputs.get(state)
                inside = name and (name not in self.fed or name in self.initializers)
                # Lengths of zero are not the same as none.
                if inside and (state == "sequence_lens" or not self._zeros(str(name))):
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
        return (*lines, *(f"the graphs inside {name}, not looked into" for name in self.inner()))

    def inner(self) -> list[str]:
        """The nodes that hold graphs of their own."""
        return [
            node.name or node.op_type
            for node in self.nodes
            if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)
        ]
