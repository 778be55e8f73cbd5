"""The texts that stand around a model: how inputs are made, preprocessing, labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recurra.convert.found import read_texts
from recurra.convert.onnx_read import load_model, metadata_of

__all__ = ["read_metadata"]


def read_metadata(model: Any) -> dict[str, str]:
    """What a model's file says beside its layers: for one that `recurra export` wrote, JSON texts.

    Args:
        model: A file that `recurra import` wrote (.safetensors), which keeps the texts of the model
            that it was made of; or an ONNX model: its path, its bytes, or an onnx.ModelProto.

    Returns:
        Text by key, as `to_onnx(layer, metadata=...)` takes it; empty where there is none.

    Raises:
        ConversionError: it can be read as neither.
        DependencyError: it is an ONNX model, and the package onnx is not installed.
    """
    if isinstance(model, str | Path) and Path(model).suffix == ".safetensors":
        return read_texts(model)
    return metadata_of(load_model(model))
