"""Our layers from ONNX's GRU, LSTM and RNN nodes, and as an ONNX model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from recurra.convert.floors import Array, Whole, floors
from recurra.convert.found import Found
from recurra.errors import ConversionError, DependencyError
from recurra.layers import GraphModule, build, from_node
from recurra.layers.abstract import AbstractRecurrent
from recurra.ops import Backend
from recurra.spec.disk import write_atomic
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["from_onnx", "layer_of", "to_onnx"]


def from_onnx(
    model: Any, name: str | None = None, *, reverse: bool = False, backend: Backend = "auto"
) -> Whole:
    """The layer that computes what an ONNX model's recurrent nodes compute.

    Args:
        model: A path, bytes, or an onnx.ModelProto. Nodes GRU, LSTM or RNN that stand directly
            above one another, in both directions or one, are one layer.
        name: Which, by the name of its first node; None: the only one.
        reverse: It has direction="reverse": ours is called with reverse=True.
        backend: As `GRU` takes it.

    Returns:
        A GRU, LSTM or RNN; a `Bidirectional` for both directions; a `Stack` for several nodes.
        The call has what ONNX gives as inputs: sequence_lens is `lengths`, initial_h the state.

    Raises:
        ConversionError: no ONNX model, no such layer, or one that would not compute the same:
            clip, input_forget, peepholes, activations and shapes are named.
        DependencyError: the package onnx is not installed.
    """
    from recurra.convert.onnx_read import read_model

    reading = read_model(model)
    found = {one.name: one for one in reading.found}
    names = [*found, *reading.refused]
    if name is None and len(names) > 1:
        raise ConversionError(f"the model has {len(names)} recurrent layers: name one of {names}")
    name = names[0] if name is None else name
    if name not in names:
        raise ConversionError(f"the model has no layer {name!r}; it has {', '.join(names)}")
    if name in reading.refused:
        raise ConversionError(reading.refused[name])
    one = found[name]
    if one.reverse != reverse:
        raise ConversionError(
            f"{one.name!r} has direction={'reverse' if one.reverse else 'forward'}: say "
            f"reverse={one.reverse} here, and call what you get with it"
        )
    return layer_of(one, backend=backend)


def layer_of(found: Found, *, backend: Backend = "auto") -> Whole:
    """The layer of what was found in a file, with its weights."""
    dtypes = {array.dtype for array in found.weights.values()}
    if len(dtypes) > 1:
        raise ConversionError(f"{found.name!r} has weights of several dtypes: {sorted(dtypes)}")
    dtype = torch.from_numpy(next(iter(found.weights.values()))[:1].copy()).dtype
    layer = from_node(found.node, backend=backend, dtype=dtype)
    assert isinstance(layer, Whole)
    layer.load_state_dict(
        {path: torch.from_numpy(array.copy()) for path, array in found.weights.items()}
    )
    return layer


def to_onnx(
    layer: Whole,
    path: str | Path | None = None,
    *,
    reverse: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> ModelProto:
    """An ONNX model that computes what the layer computes, run in ONNX Runtime before it is given.

    Args:
        layer: A GRU, LSTM, RNN, MinGRU, `Bidirectional` or `Stack` in float32, as it is at
            inference: dropout is not in the model, zoneout is its expectation. What ONNX's nodes
            do not compute is a Scan of plain operations, which `from_onnx` does not read.
        path: Where to write it; None: nowhere. An existing file is replaced.
        reverse: As the layer is called with reverse=True: from each row's end.
        metadata: Texts that go along, such as `read_metadata` gives of another model.

    Returns:
        The model: x [batch, time, I] and lengths [batch] -> y [batch, time, H]; where the layer
        streams, with state.layer.h [batch, H] and its like as inputs, next_state.* as outputs.

    Raises:
        ConversionError: it is no such layer or not in float32, not of one direction where reverse
            asks for it, or ONNX Runtime computes something else.
        DependencyError: onnx or onnxruntime is not installed.
    """
    try:
        from recurra.convert.onnx_check import check_model
        from recurra.convert.onnx_graph import model_of
    except ImportError as error:
        raise DependencyError('to_onnx needs onnx: pip install "recurra[onnx]"') from error
    size = floors(layer, "to_onnx")[0][0].node.input_size
    graph = Graph({"x": Signal("steps", size)}, (Step("layer", layer.node, ("x",)),), ("layer",))
    weights = {f"layer.{p}": t.detach().cpu().numpy() for p, t in layer.state_dict().items()}
    if reverse and not isinstance(layer, AbstractRecurrent):
        raise ConversionError(
            f"reverse=True expected a layer of one direction, got {type(layer).__name__}"
        )
    model = model_of(graph, weights, metadata, reverse=reverse)
    check_model(model, _Torch(graph, weights, reverse=reverse), whole_only=reverse)
    if path is not None:
        write_atomic(Path(path), model.SerializeToString())
    return model


class _Torch:
    """A graph's torch module with numpy arrays in and out."""

    def __init__(self, graph: Graph, weights: Mapping[str, Array], *, reverse: bool) -> None:
        self.graph, self.reverse = graph, reverse
        self.module: GraphModule = build(graph)
        state = {path: torch.from_numpy(array.copy()) for path, array in weights.items()}
        self.module.load_state_dict(state)
        self.module.eval().requires_grad_(False)

    def __call__(
        self, inputs: Mapping[str, Any], state: Any = None, *, lengths: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Outputs and the state after."""
        given = {name: torch.from_numpy(array) for name, array in inputs.items()}
        if self.reverse:
            cell: Any = self.module.get_submodule("layer")
            y, end = cell(given["x"], lengths=torch.from_numpy(lengths), reverse=True)
            return {"layer": y.numpy()}, {"layer": end}
        outputs, after = self.module(given, state, lengths=torch.from_numpy(lengths))
        return {name: y.numpy() for name, y in outputs.items()}, after

    def initial_state(self, batch: int) -> dict[str, Any]:
        """The layer's own."""
        return self.module.initial_state(batch)
