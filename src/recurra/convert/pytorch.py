"""Recurrent weights from and to PyTorch's own layers, the same to the bit both ways.

PyTorch writes the GRU's update gate the other way round, h = (1 - z) n + z h: its z is one minus
ours. Since sigmoid(-a) = 1 - sigmoid(a), negating the update block of weights and biases turns one
into the other, and negating it again gives the same bits back. Gate orders are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import torch
from torch import Tensor, nn

from recurra.convert.floors import Whole, floors
from recurra.errors import ConversionError
from recurra.layers import GRU, LSTM, RNN, Bidirectional, Stack
from recurra.layers.abstract import AbstractRecurrent
from recurra.ops import Backend
from recurra.spec.cells import AbstractCell, GRUCell, LSTMCell, RNNCell

__all__ = ["from_torch", "to_torch"]

# Our parameters' names -> PyTorch's, in the order in which both list them.
_NAMES = MappingProxyType(
    {
        "input_weight": "weight_ih",
        "recurrent_weight": "weight_hh",
        "input_bias": "bias_ih",
        "recurrent_bias": "bias_hh",
    }
)
_TO_TORCH: Mapping[type[AbstractCell], type[nn.RNNBase]] = MappingProxyType(
    {GRUCell: nn.GRU, LSTMCell: nn.LSTM, RNNCell: nn.RNN}
)
_CELLS = (nn.GRUCell, nn.LSTMCell, nn.RNNCell)


def from_torch(module: nn.RNNBase | nn.RNNCellBase, *, backend: Backend = "auto") -> Whole:
    """The layer that computes what one of PyTorch's recurrent modules computes.

    Args:
        module: nn.GRU, nn.LSTM or nn.RNN of any depth and direction, or one of their cells. It
            stays as it is: its weights are copied, in their dtype and on their device, and
            whether they are trained goes with them.
        backend: As `GRU` takes it.

    Returns:
        A GRU, LSTM or RNN for one layer and direction; a `Bidirectional` for one layer of both
        directions; a `Stack` for more layers. x is batch-first, whatever `batch_first` was.

    Raises:
        ConversionError: another module, or an LSTM with proj_size.
    """
    if type(module) in _CELLS:
        return _layer_of(module, "", backend).train(module.training)
    if not isinstance(module, nn.RNNBase) or type(module) not in _TO_TORCH.values():
        known = ", ".join(f"nn.{kind.__name__}" for kind in (*_TO_TORCH.values(), *_CELLS))
        raise ConversionError(f"from_torch expected one of {known}; got {type(module).__name__}")
    if module.proj_size:
        raise ConversionError(
            f"from_torch got an LSTM with proj_size={module.proj_size}: no cell here projects its "
            "state, so it would not compute the same"
        )
    layers = [
        Bidirectional(
            _layer_of(module, f"_l{k}", backend), _layer_of(module, f"_l{k}_reverse", backend)
        )
        if module.bidirectional
        else _layer_of(module, f"_l{k}", backend)
        for k in range(module.num_layers)
    ]
    whole = layers[0] if len(layers) == 1 else Stack(layers, dropout=module.dropout)
    return whole.train(module.training)


def _layer_of(
    module: nn.RNNBase | nn.RNNCellBase, suffix: str, backend: Backend
) -> AbstractRecurrent:
    """The cell whose weights end in `suffix`."""
    weight = cast(Tensor, getattr(module, f"weight_ih{suffix}"))
    shared: dict[str, Any] = {
        "bias": module.bias,
        "backend": backend,
        "device": weight.device,
        "dtype": weight.dtype,
    }
    layer: AbstractRecurrent
    if isinstance(module, nn.GRU | nn.GRUCell):
        layer = GRU(weight.shape[1], module.hidden_size, **shared)
    elif isinstance(module, nn.LSTM | nn.LSTMCell):
        layer = LSTM(weight.shape[1], module.hidden_size, **shared)
    else:
        shared["activation"] = module.nonlinearity
        layer = RNN(weight.shape[1], module.hidden_size, **shared)
    _copy(layer, layer.node, module, suffix, into_torch=False)
    return layer


def to_torch(layer: Whole, *, batch_first: bool = True) -> nn.RNNBase:
    """PyTorch's module that computes what `layer` computes.

    Args:
        layer: A GRU, LSTM or RNN, a `Bidirectional` or a `Stack`. It stays as it is; dtype, device
            and whether weights are trained go with the copies.
        batch_first: The module's own: x [B, T, I], or [T, B, I].

    Returns:
        nn.GRU, nn.LSTM or nn.RNN.

    Raises:
        ConversionError: PyTorch's modules cannot hold or compute something of the layer; says
            what.
    """
    cells_of = floors(layer, "to_torch")
    first = cells_of[0][0]
    _refuse_losses(layer, cells_of)
    node = first.node
    nonlinearity: dict[str, Any] = (
        {"nonlinearity": node.activation} if isinstance(node, RNNCell) else {}
    )
    whole = _TO_TORCH[type(node)](
        input_size=node.input_size,
        hidden_size=node.hidden_size,
        num_layers=len(cells_of),
        bias=node.bias,
        batch_first=batch_first,
        # PyTorch warns of a dropout that one layer has no place for.
        dropout=layer.node.dropout if isinstance(layer, Stack) and len(cells_of) > 1 else 0.0,
        bidirectional=len(cells_of[0]) == 2,
        device=first.input_weight.device,
        dtype=first.input_weight.dtype,
        **nonlinearity,
    )
    for k, cells in enumerate(cells_of):
        for cell, side in zip(cells, ("", "_reverse"), strict=False):
            _copy(cell, cell.node, whole, f"_l{k}{side}", into_torch=True)
    return whole.train(layer.training)


@torch.no_grad()
def _copy(
    layer: AbstractRecurrent,
    node: AbstractCell,
    module: nn.Module,
    suffix: str,
    *,
    into_torch: bool,
) -> None:
    """Copy every parameter of one cell, the GRU's update block negated."""
    for ours, theirs in _NAMES.items():
        if not node.bias and ours.endswith("bias"):
            continue
        own = cast(nn.Parameter, getattr(layer, ours))
        other = cast(nn.Parameter, getattr(module, theirs + suffix))
        source, target = (own, other) if into_torch else (other, own)
        target.copy_(source)
        target.requires_grad_(source.requires_grad)
        if isinstance(node, GRUCell):
            target.chunk(len(node.gates))[node.gates.index("update")].neg_()


def _refuse_losses(layer: Whole, cells_of: list[Sequence[AbstractRecurrent]]) -> None:
    """Raise where PyTorch's modules cannot hold or compute something."""
    nodes = [cell.node for cells in cells_of for cell in cells]
    if isinstance(layer, Stack):
        if layer.node.residual:
            raise _loss("residual=True: its layers pass on what they put out alone")
        if layer.node.variational and layer.node.dropout:
            raise _loss("variational=True: its dropout draws anew at each step")
    if len({len(cells) for cells in cells_of}) > 1:
        raise _loss("layers of one and of both directions in one module")
    for name in ("kind", "hidden_size", "bias", "activation"):
        values = {getattr(node, name): None for node in nodes}
        if len(values) > 1:
            raise _loss(f"cells that differ in {name}: {', '.join(map(str, values))}")
    dtypes = {cell.input_weight.dtype: None for cells in cells_of for cell in cells}
    if len(dtypes) > 1:
        raise _loss(f"cells that differ in dtype: {', '.join(map(str, dtypes))}")
    for node in nodes:
        _refuse_cell(node)


def _refuse_cell(node: AbstractCell) -> None:
    if type(node) not in _TO_TORCH:
        raise _loss(f"a {node.kind}: it has GRU, LSTM and RNN")
    if isinstance(node, GRUCell) and node.reset != "after":
        raise _loss(f"reset={node.reset!r}: its reset gate acts after the product")
    activations = ("tanh", "relu") if isinstance(node, RNNCell) else ("tanh",)
    if node.activation not in activations:
        raise _loss(f"activation={node.activation!r}: it has {' and '.join(activations)}")
    if not isinstance(node, RNNCell) and node.gate_activation != "sigmoid":
        raise _loss(f"gate_activation={node.gate_activation!r}: it has sigmoid")
    if node.learn_initial_state:
        raise _loss("learn_initial_state=True: it begins from zeros or from what a call passes")
    for name in ("zoneout", "zoneout_cell", "weight_dropout"):
        if getattr(node, name, 0.0):
            raise _loss(f"{name}={getattr(node, name)}: it has none")


def _loss(what: str) -> ConversionError:
    return ConversionError(f"PyTorch's module cannot take {what}; set it aside, or keep the layer")
