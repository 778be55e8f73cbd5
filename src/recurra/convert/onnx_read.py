"""GRU, LSTM and RNN nodes of an ONNX file: their cells, what chains them, what is left there."""

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
from recurra.convert.onnx_constants import MOST_VALUES, MOVING, Constants
from recurra.errors import ConversionError, DependencyError

__all__ = ["Reading", "load_model", "metadata_of", "read_model", "read_onnx"]

# Another name of ONNX's own domain, "".
_ALIAS = "ai.onnx"

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
# Layers are found behind a few nodes that move values; a forged file might chain millions.
_DEEPEST = 32
# At so many bytes a protocol buffer ends.
_MOST_BYTES = 2**31
# Values with which a chain is tried: float32 numbers them so far without a gap.
_MOST_TRIED = 2**24


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
        return _plain(model)
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
    return _plain(read)


def _plain(model: Any) -> Any:
    """The model with ONNX's own domain as "", its other name put out; a copy where it has that."""
    if all(one.domain != _ALIAS for one in (*model.graph.node, *model.opset_import)):
        return model
    plain = type(model)()
    plain.CopyFrom(model)
    for one in (*plain.graph.node, *plain.opset_import):
        if one.domain == _ALIAS:
            one.domain = ""
    return plain


def metadata_of(model: Any) -> dict[str, str]:
    """The texts that stand around an onnx.ModelProto's graph, as an export of ours writes them."""
    pairs = ((one.key, one.value) for one in model.metadata_props)
    # What is not UTF-8 comes as bytes, which are no text.
    return {k: v for k, v in pairs if isinstance(k, str) and isinstance(v, str)}


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


@dataclass(frozen=True)
class Reading:
    """What was found in a model.

    Args:
        found: Its recurrent layers that ours can hold.
        refused: The others: the name of each, and why.
        left: What else it holds, in words.
    """

    found: list[Found]
    refused: Mapping[str, str]
    left: tuple[str, ...]


def read_model(model: Any) -> Reading:
    """Every recurrent layer of a model.

    Args:
        model: A path, bytes, or an onnx.ModelProto.

    Raises:
        ConversionError: it is no ONNX model, or has no recurrent layer at all.
        DependencyError: the package onnx is not installed.
    """
    reader = _Reader(load_model(model))
    found = [reader.found(chain) for chain in reader.chains()]
    if not found and not reader.refused:
        held = ", ".join(sorted({node.op_type for node in reader.nodes})) or "nothing"
        inner = "; graphs inside others are not looked into" if reader.inner() else ""
        raise ConversionError(f"the model has no GRU, LSTM or RNN; it has {held}{inner}")
    return Reading(found, reader.refused, reader.left())


def read_onnx(model: Any) -> tuple[list[Found], tuple[str, ...]]:
    """Every recurrent layer of a model that ours can hold, and what was left, in words.

    Raises:
        ConversionError: as `read_model`, or none of its layers is one that ours can hold; says why.
    """
    reading = read_model(model)
    if not reading.found:
        raise ConversionError(next(iter(reading.refused.values())))
    return reading.found, (*reading.refused.values(), *reading.left)


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
        self.fed = {one.name for one in model.graph.input}
        self.makers = {name: node for node in self.nodes for name in node.output if name}
        # Who asks for a value's shape alone does not read it.
        reading = [node for node in self.nodes if node.op_type != "Shape"]
        self.readers = Counter(name for node in reading for name in node.input if name)
        self.readers.update(one.name for one in model.graph.output)
        self.moved = set[int]()
        self.constants = Constants(model, self.makers)
        self.values_held = 0
        self.model = model
        self.shapes: dict[str, Any] | None = None
        self.recurrent: list[_Recurrent] = []
        self.refused: dict[str, str] = {}
        named = Counter[str]()
        for node in self.nodes:
            if node.op_type not in OPS or node.domain:
                continue
            name = str(node.name or next(filter(None, node.output), node.op_type))
            named[name] += 1
            # Names should differ and need not; a layer must not take another one's place.
            name = f"{name}.{named[name]}" if named[name] > 1 else name
            try:
                self.recurrent.append(self._recurrent(node, name))
            except ConversionError as error:
                self.refused[name] = str(error)
        self.by_node = {id(one.node): one for one in self.recurrent}

    def _recurrent(self, node: Any, name: str) -> _Recurrent:
        inputs = dict(zip(_INPUTS, node.input, strict=False))
        attributes = {one.name: self._attribute(one, node.op_type, name) for one in node.attribute}
        arrays = {
            letter: self._needed(inputs, letter, node.op_type, name)
            for letter in ("W", "R", "B", "P")
        }
        self.values_held += sum(array.size for array in arrays.values() if array is not None)
        if self.values_held > MOST_VALUES:
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
        value = self.constants.value(source)
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
                fits = (
                    node.output[0] == name
                    # A layer over other lengths reads what the one below it never wrote.
                    and self._lengths(source) == self._lengths(one)
                    and self._flows(source, one, path)
                )
                if fits:
                    self.moved.update(id(moving) for moving, _ in path)
                return source if fits else None
            moves = node.op_type in MOVING and node.op_type != "Concat" and not node.domain
            if not moves or not node.input:
                return None
            path.append((node, name))
            name = node.input[0]
        return None

    def _lengths(self, one: _Recurrent) -> str:
        """Where its sequence_lens come from, casts and copies passed over; "": it has none."""
        name = one.inputs.get("sequence_lens", "")
        for _ in range(_DEEPEST):
            node = self.makers.get(name)
            if node is None or node.op_type not in ("Cast", "Identity") or not node.input:
                break
            name = node.input[0]
        return name

    def _flows(self, source: _Recurrent, one: _Recurrent, path: Sequence[tuple[Any, str]]) -> bool:
        """Whether each value arrives at its step, row and unit: tried with numbered values."""
        sides = len(source.sides)
        units = source.sides[0][0].hidden_size  # type: ignore[attr-defined]  # it is a cell
        time, batch = self._axes(source)
        if not 0 < time * sides * batch * units <= _MOST_TRIED:
            return False
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
            others = {n: self.constants.value(n) for n in node.input[1:] if n}
            if any(value is None for value in others.values()):
                return False
            try:
                values = self.constants.moved(node, {str(node.input[0]): values, **others}, name)
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
                if not name or self._is_given(name):
                    continue
                # Lengths of zero are not the same as none.
                if state == "sequence_lens" or not self.constants.zeros(name):
                    notes.append(f"{one.name}: its {state}, made by the model ({name})")
        reverse = chain[0].attributes.get("direction") == "reverse"
        return Found(chain[0].name, node, weights, reverse, tuple(notes))

    def _is_given(self, name: str) -> bool:
        """Whether a value is an input of the model, moved or cast at most."""
        for _ in range(_DEEPEST):
            if name in self.fed and name not in self.constants.initializers:
                return True
            node = self.makers.get(name)
            if node is None or node.op_type not in {*MOVING, "Cast"} - {"Concat"}:
                return False
            if not node.input:
                return False
            name = node.input[0]
        return False

    def left(self) -> tuple[str, ...]:
        """What the model holds besides, in words."""
        own = {*OPS, "Constant"}
        others = Counter(
            node.op_type
            for node in self.nodes
            if id(node) not in self.moved and (node.op_type not in own or node.domain)
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
