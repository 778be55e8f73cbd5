"""The values that an ONNX file alone decides: its constants, and what only moves them.

Nothing of the model is run but nodes that move values (Transpose, Squeeze, Reshape and their like),
in ONNX's own reference implementation. No path inside the file is followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra.convert.layouts import Array
from recurra.errors import ConversionError

__all__ = ["MOST_VALUES", "MOVING", "Constants"]

# They move values and change none.
MOVING = frozenset(
    {"Identity", "Transpose", "Squeeze", "Unsqueeze", "Reshape", "Concat", "Slice", "Split"}
)
# Weights are found behind a few of them at most; a forged file might chain millions.
_DEEPEST = 32
# So many values fill the 2 GiB at which a protocol buffer ends. A forged file might name the same
# ones again and again: in all no more than these are moved.
MOST_VALUES = 2**29


class Constants:
    """The constants of a model.

    Args:
        model: An onnx.ModelProto.
        makers: Which node makes a value, by the value's name.
    """

    def __init__(self, model: Any, makers: Mapping[str, Any]) -> None:
        import onnx

        self.onnx = onnx
        self.opsets = {one.domain: one.version for one in model.opset_import} or {"": 17}
        self.initializers = {one.name: one for one in model.graph.initializer}
        self.makers = makers
        self.made: dict[str, Array | None] = {}
        self.count = 0

    def value(self, name: str, depth: int = 0) -> Array | None:
        """The value of a name that the file alone decides; None: it does not."""
        if name not in self.made:
            self.made[name] = self._constant(name, depth)
        return self.made[name]

    def _constant(self, name: str, depth: int) -> Array | None:
        if name in self.initializers:
            return self.array(self.initializers[name])
        node = self.makers.get(name)
        if node is None or node.domain or depth > _DEEPEST:
            return None
        if node.op_type == "Constant":
            return self._written(node)
        if node.op_type not in MOVING:
            return None
        inputs = {n: self.value(n, depth + 1) for n in node.input if n}
        if any(value is None for value in inputs.values()):
            return None
        return self.moved(node, inputs, name)

    def _written(self, node: Any) -> Array:
        """The value of a Constant."""
        try:
            (value,) = node.attribute
            if value.name == "value":
                return self.array(value.t)
            plain = np.asarray(self.onnx.helper.get_attribute_value(value))
        except (AttributeError, ValueError, TypeError) as error:
            raise ConversionError(f"the Constant {node.name!r} is damaged: {error}") from error
        return plain.astype(np.float32) if plain.dtype == np.float64 else plain

    def array(self, tensor: Any) -> Array:
        """The values of one tensor of the file (ConversionError: elsewhere, or damaged)."""
        onnx = self.onnx
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise ConversionError(
                f"{tensor.name!r} lies in another file: save the model in one file first"
            )
        try:
            if any(size < 0 for size in tensor.dims):
                raise ValueError(f"it has the axes {list(tensor.dims)}")
            return np.asarray(onnx.numpy_helper.to_array(tensor))
        except (ArithmeticError, KeyError, MemoryError, TypeError, ValueError) as error:
            raise ConversionError(f"the constant {tensor.name!r} is damaged: {error}") from error

    def moved(self, node: Any, inputs: Mapping[str, Any], name: str) -> Array:
        """What a node that only moves values makes of these."""
        from onnx.reference import ReferenceEvaluator

        self.count += sum(np.size(value) for value in inputs.values())
        if self.count > MOST_VALUES:
            raise ConversionError(f"{name!r} is made of more values than a file can hold")
        try:
            run = ReferenceEvaluator(node, opsets=self.opsets)
            values: Any = run.run(None, dict(inputs))
        except Exception as error:
            raise ConversionError(
                f"{node.op_type} that makes {name!r} cannot be run: {error}"
            ) from error
        return np.asarray(values[list(node.output).index(name)])

    def zeros(self, name: str, depth: int = 0) -> bool:
        """Whether a name holds nothing but zeros, whatever its shape."""
        value = self.value(name)
        if value is not None:
            return not value.any()
        node = self.makers.get(name)
        if node is None or node.domain or depth > _DEEPEST:
            return False
        if node.op_type == "ConstantOfShape":
            return not any(self.array(a.t).any() for a in node.attribute if a.name == "value")
        moves = node.op_type in MOVING and node.op_type != "Concat"
        if node.input and (moves or node.op_type == "Expand"):
            return self.zeros(node.input[0], depth + 1)
        return False
