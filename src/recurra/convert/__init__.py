"""Recurrent layers from and to PyTorch, Keras and ONNX; each name is loaded on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurra.convert.found import read_layers
    from recurra.convert.keras import from_keras, to_keras
    from recurra.convert.metadata import read_metadata
    from recurra.convert.onnx_layer import from_onnx, layer_of, to_onnx
    from recurra.convert.pytorch import from_torch, to_torch

_HOME = {
    "from_keras": "recurra.convert.keras",
    "layer_of": "recurra.convert.onnx_layer",
    "read_layers": "recurra.convert.found",
    "read_metadata": "recurra.convert.metadata",
    "from_onnx": "recurra.convert.onnx_layer",
    "from_torch": "recurra.convert.pytorch",
    "to_keras": "recurra.convert.keras",
    "to_onnx": "recurra.convert.onnx_layer",
    "to_torch": "recurra.convert.pytorch",
}

__all__ = [
    "from_keras",
    "from_onnx",
    "from_torch",
    "layer_of",
    "read_layers",
    "read_metadata",
    "to_keras",
    "to_onnx",
    "to_torch",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'recurra.convert' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
