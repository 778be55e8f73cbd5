"""Where each weight stands in Keras' and ONNX's layers, and in ours.

    gates      GRU                        LSTM                           weights
    ours       reset, update, candidate   input, forget, cell, output    [G*H, I], [G*H, H]
    Keras      update, reset, candidate   as ours                        [I, G*H], [H, G*H]
    ONNX       update, reset, candidate   input, output, forget, cell    [D, G*H, I], [D, G*H, H]

Both write the GRU's update gate the other way round, h = (1 - z) n + z h. Since s(-a) = 1 - s(a),
negating the update block of weights and biases turns one into the other and back, bit for bit.
Only numpy is needed here. Source: docs/convert.md says against which versions this is tested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from recurra.errors import ConversionError
from recurra.spec.cells import AbstractCell, GRUCell, LSTMCell, RNNCell

__all__ = [
    "TURNABLE",
    "from_keras_arrays",
    "from_onnx_arrays",
    "loss",
    "refuse_cell",
    "to_keras_arrays",
    "to_onnx_arrays",
]

Array = npt.NDArray[np.floating]

_ORDERS: Mapping[str, Mapping[type[AbstractCell], tuple[str, ...]]] = MappingProxyType(
    {
        "keras": {
            GRUCell: ("update", "reset", "candidate"),
            LSTMCell: ("input", "forget", "cell", "output"),
            RNNCell: ("candidate",),
        },
        "onnx": {
            GRUCell: ("update", "reset", "candidate"),
            LSTMCell: ("input", "output", "forget", "cell"),
            RNNCell: ("candidate",),
        },
    }
)
# Gate activations for which s(-a) = 1 - s(a): those of a GRU whose update gate can be turned.
TURNABLE = ("sigmoid", "hard_sigmoid")


def refuse_cell(node: AbstractCell, target: str) -> None:
    """Refuse what neither Keras' nor ONNX's layers can hold.

    Raises:
        ConversionError: says what of the cell would be lost or changed.
    """
    if type(node) not in _ORDERS["keras"]:
        raise loss(target, f"a {node.kind}: it has GRU, LSTM and RNN")
    if isinstance(node, GRUCell):
        if node.reset == "none":
            raise loss(target, "reset='none': its GRU always has a reset gate")
        if node.gate_activation not in TURNABLE:
            raise loss(
                target,
                f"gate_activation={node.gate_activation!r}: its update gate is one minus ours, "
                f"which only {' and '.join(TURNABLE)} can turn round",
            )
    if node.learn_initial_state:
        raise loss(target, "learn_initial_state=True: its layer begins from what a call passes")
    for name in ("zoneout", "zoneout_cell", "weight_dropout"):
        if getattr(node, name, 0.0):
            raise loss(target, f"{name}={getattr(node, name)}: it has none")


def loss(target: str, what: str) -> ConversionError:
    """The error that names what `target` cannot hold."""
    return ConversionError(f"{target} cannot take {what}; set it aside, or keep the layer")


def to_keras_arrays(node: AbstractCell, ours: Mapping[str, Array]) -> list[Array]:
    """A cell's weights as Keras' layer lists them: kernel, recurrent kernel, bias.

    Args:
        node: The cell.
        ours: Its parameters by name, [G*H, I], [G*H, H], [G*H], [G*H].

    Returns:
        [I, G*H], [H, G*H] and, with biases, [2, G*H] for a GRU that resets after the product, else
        their sum [G*H].
    """
    moved = _moved(node, ours, "keras", out=True)
    arrays = [moved["input_weight"].T.copy(), moved["recurrent_weight"].T.copy()]
    if not node.bias:
        return arrays
    biases = moved["input_bias"], moved["recurrent_bias"]
    if isinstance(node, GRUCell) and node.reset == "after":
        return [*arrays, np.stack(biases)]
    # Adding zeros would turn -0.0 into 0.0.
    return [*arrays, biases[0] + biases[1] if biases[1].any() else biases[0]]


def from_keras_arrays(node: AbstractCell, theirs: Sequence[Array]) -> dict[str, Array]:
    """A cell's parameters from what Keras' layer lists; the inverse of `to_keras_arrays`.

    Raises:
        ConversionError: an array is missing or has another shape than the cell's.
    """
    rows = len(node.gates) * node.hidden_size
    two = isinstance(node, GRUCell) and node.reset == "after"
    shapes: dict[str, tuple[int, ...]] = {
        "kernel": (node.input_size, rows),
        "recurrent_kernel": (node.hidden_size, rows),
    }
    if node.bias:
        shapes["bias"] = (2, rows) if two else (rows,)
    _check(node, "Keras", shapes, theirs)
    ours = {"input_weight": theirs[0].T, "recurrent_weight": theirs[1].T}
    if node.bias and two:
        ours |= {"input_bias": theirs[2][0], "recurrent_bias": theirs[2][1]}
    elif node.bias:
        ours |= {"input_bias": theirs[2]}
    moved = _moved(node, ours, "keras", out=False)
    if node.bias and not two:
        moved["recurrent_bias"] = np.zeros_like(theirs[2])
    return moved


def to_onnx_arrays(
    node: AbstractCell, ours: Mapping[str, Array]
) -> tuple[Array, Array, Array | None]:
    """One direction of an ONNX node's W [1, G*H, I], R [1, G*H, H] and B [1, 2*G*H]."""
    moved = _moved(node, ours, "onnx", out=True)
    bias = None
    if node.bias:
        bias = np.concatenate((moved["input_bias"], moved["recurrent_bias"]))[None]
    return moved["input_weight"][None], moved["recurrent_weight"][None], bias


def from_onnx_arrays(
    node: AbstractCell, weight: Array, recurrent: Array, bias: Array | None
) -> dict[str, Array]:
    """A cell's parameters from one direction, W [G*H, I], R [G*H, H], B [2*G*H].

    Raises:
        ConversionError: an array has another shape than the cell's.
    """
    rows = len(node.gates) * node.hidden_size
    shapes: dict[str, tuple[int, ...]] = {
        "W": (rows, node.input_size),
        "R": (rows, node.hidden_size),
    }
    given = [weight, recurrent]
    if bias is not None:
        shapes["B"] = (2 * rows,)
        given.append(bias)
    _check(node, "ONNX", shapes, given)
    ours = {"input_weight": weight, "recurrent_weight": recurrent}
    if bias is not None:
        ours |= {"input_bias": bias[:rows], "recurrent_bias": bias[rows:]}
    return _moved(node, ours, "onnx", out=False)


def _check(
    node: AbstractCell,
    library: str,
    shapes: Mapping[str, tuple[int, ...]],
    given: Sequence[Array],
) -> None:
    if len(given) != len(shapes):
        raise ConversionError(
            f"{library}'s {node.kind} expected {', '.join(shapes)}; got {len(given)} arrays"
        )
    for (name, shape), array in zip(shapes.items(), given, strict=True):
        if array.shape != shape:
            raise ConversionError(
                f"{library}'s {node.kind} with {node.hidden_size} units over {node.input_size} "
                f"inputs expected {name} {list(shape)}, got {list(array.shape)}"
            )


def _moved(
    node: AbstractCell, arrays: Mapping[str, Array], library: str, *, out: bool
) -> dict[str, Array]:
    """The blocks of each array in the other order, the GRU's update block negated."""
    theirs = _ORDERS[library][type(node)]
    source, target = (node.gates, theirs) if out else (theirs, node.gates)
    moved = {}
    for name, array in arrays.items():
        # A learnt initial state has no gates, and no place in either library's layer.
        if not name.endswith(("_weight", "_bias")):
            continue
        blocks = dict(zip(source, np.split(array, len(source)), strict=True))
        if isinstance(node, GRUCell):
            blocks["update"] = -blocks["update"]
        moved[name] = np.concatenate([blocks[gate] for gate in target])
    return moved
