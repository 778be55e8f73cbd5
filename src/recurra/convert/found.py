"""Recurrent layers found in another library's file: a node, its weights, and what was left there.

They are kept in one safetensors file: the weights by `NAME/PATH`, and in its metadata, under
"recurra.layers", the nodes as JSON. Only numpy is needed to find, write and read them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recurra.convert.layouts import Array
from recurra.errors import ConversionError, SpecError
from recurra.spec.canonical import json_from_bytes, json_to_bytes
from recurra.spec.disk import write_atomic
from recurra.spec.graph import node_from_json, node_to_json
from recurra.spec.node import AbstractNode
from recurra.spec.nodes import Bidirectional, Stack
from recurra.spec.tensors import tensors_from_bytes, tensors_to_bytes

__all__ = [
    "Found",
    "Side",
    "join",
    "layers_from_bytes",
    "layers_to_bytes",
    "read_layers",
    "read_texts",
    "stacked",
    "write_layers",
]

_KEY = "recurra.layers"
# The weights of one cell by its parameters' names, below the cell itself.
Side = tuple[AbstractNode, Mapping[str, Array]]


@dataclass(frozen=True)
class Found:
    """One layer, or several above one another.

    Args:
        name: Of the layer in the file.
        node: What it computes: a cell, a Bidirectional or a Stack.
        weights: Its parameters by the paths of `node.parameters()`.
        reverse: A single cell that reads from the last step to the first.
        notes: What of the layer acts elsewhere or in training only, and was left.
    """

    name: str
    node: AbstractNode
    weights: Mapping[str, Array]
    reverse: bool = False
    notes: tuple[str, ...] = ()


def join(sides: Sequence[Side]) -> Side:
    """One cell as it is; two as a Bidirectional, their weights under `forward.` and `backward.`."""
    if len(sides) == 1:
        return sides[0]
    (ahead, first), (back, second) = sides
    both = Bidirectional(forward=ahead, backward=back)  # type: ignore[arg-type]  # cells they are
    weights = {f"forward.{name}": array for name, array in first.items()}
    return both, weights | {f"backward.{name}": array for name, array in second.items()}


def stacked(layers: Sequence[Side]) -> Side:
    """One layer as it is; several as a Stack, the weights of layer k under `layers.k.`."""
    if len(layers) == 1:
        return layers[0]
    weights = {
        f"layers.{k}.{path}": array
        for k, (_, own) in enumerate(layers)
        for path, array in own.items()
    }
    return Stack(layers=tuple(node for node, _ in layers)), weights


def write_layers(
    path: Path, layers: Sequence[Found], metadata: Mapping[str, str] | None = None
) -> None:
    """Keep layers, and texts that belong to them, in a file of their own, whole or not at all."""
    write_atomic(path, layers_to_bytes(layers, metadata))


def layers_to_bytes(layers: Sequence[Found], metadata: Mapping[str, str] | None = None) -> bytes:
    """Layers, whose names differ, as one safetensors file; more texts may go along."""
    nodes = {
        one.name: {"node": node_to_json(one.node), "reverse": one.reverse, "notes": [*one.notes]}
        for one in layers
    }
    arrays = {f"{one.name}/{p}": array for one in layers for p, array in one.weights.items()}
    text = json_to_bytes(nodes, indent=None).decode("utf-8")
    return tensors_to_bytes(arrays, {**(metadata or {}), _KEY: text})


def read_layers(path: str | Path) -> dict[str, Found]:
    """The layers of a file that `recurra import` or `write_layers` wrote, by name.

    Raises:
        ConversionError: it cannot be read, is no such file, or its weights do not fit its nodes.
    """
    return _read(Path(path))[0]


def read_texts(path: str | Path) -> dict[str, str]:
    """The texts that `write_layers` kept beside the layers.

    Raises:
        ConversionError: as `read_layers`.
    """
    texts = _read(Path(path))[1]
    return {key: text for key, text in texts.items() if key != _KEY}


def _read(path: Path) -> tuple[dict[str, Found], dict[str, str]]:
    try:
        # A pipe or a device might never end.
        if path.exists() and not path.is_file():
            raise ConversionError(f"{path} is no file: name one that `recurra import` wrote")
        return layers_from_bytes(path.read_bytes(), str(path))
    except OSError as error:
        raise ConversionError(f"{path} cannot be read: {error.strerror}") from error


def layers_from_bytes(raw: bytes, where: str) -> tuple[dict[str, Found], dict[str, str]]:
    """What `layers_to_bytes` made: layers by name, and all texts.

    Raises:
        ConversionError: it is something else, or its weights do not fit its nodes.
    """
    try:
        arrays, metadata = tensors_from_bytes(raw, Path(where).name)
        if _KEY not in metadata:
            raise ConversionError(f"{where} holds no layers that `recurra import` wrote")
        tree = json_from_bytes(metadata[_KEY].encode("utf-8"), _KEY)
        return {name: _found(name, entry, arrays) for name, entry in tree.items()}, metadata
    except ConversionError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConversionError(f"{where} is no file of layers, or is damaged: {error}") from error


def _found(name: str, entry: Mapping[str, object], arrays: Mapping[str, Array]) -> Found:
    node, notes = node_from_json(entry["node"]), entry["notes"]
    if not isinstance(notes, list):
        raise SpecError(f"the notes of {name!r} must be a list")
    weights = {}
    for path, shape in node.parameters().items():
        array = arrays.get(f"{name}/{path}")
        if array is None or array.shape != shape:
            raise SpecError(f"{name!r} expected {path} {list(shape)}")
        weights[path] = array
    return Found(name, node, weights, entry["reverse"] is True, tuple(map(str, notes)))
