"""The extension's calls, of arrays that were checked: nothing here looks at a shape or a dtype.

`recurra.kernels.call` checks numpy arrays against the descriptor and comes here; `recurra.ops`
checks tensors, once for both passes, and comes here too. The extension itself refuses what it
could not read safely, but in words, not in sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from recurra.kernels.choice import require_native
from recurra.spec.cells import ACTIVATIONS, RESETS
from recurra.spec.kernel import FAMILIES

__all__ = [
    "PLACES",
    "PRODUCTS",
    "WEIGHTS",
    "Array",
    "Codes",
    "Given",
    "backward",
    "codes_of",
    "dense",
    "forward",
    "pack",
    "readable",
]

Array = NDArray[Any]
Given = Mapping[str, Array | None]
# Family, reset, the two activations, and whether products round their factors to bfloat16.
Codes = tuple[int, int, int, int, bool]

# Of what the products are made: x's own element type, or factors rounded to bfloat16.
PRODUCTS = ("float32", "bfloat16")

_FAMILIES = tuple(FAMILIES)
WEIGHTS = ("input_weight", "recurrent_weight", "input_bias", "recurrent_bias")
# The arrays of a call as the extension takes them, by place; a family leaves out what it has not.
PLACES = (
    "valid",
    "starts",
    "start_h",
    "start_c",
    "zoneout_h",
    "zoneout_c",
    "recurrent_dropout",
    "decay",
)
_NOWHERE = (None,) * len(PLACES)
_GRADIENTS = ("x", "h0", "c0", *WEIGHTS, "start_h", "start_c", "decay")


@cache
def codes_of(
    family: str,
    *,
    reset: str = "after",
    activation: str = "tanh",
    gate_activation: str = "sigmoid",
    products: str = "float32",
) -> Codes:
    """The family and its choices as the extension numbers them."""
    return (
        _FAMILIES.index(family),
        RESETS.index(reset),
        ACTIVATIONS.index(activation),
        ACTIVATIONS.index(gate_activation),
        products == "bfloat16",
    )


@overload
def dense(array: Array) -> Array: ...
@overload
def dense(array: None) -> None: ...
def dense(array: Array | None) -> Array | None:
    """The array, copied where its values do not lie side by side in their order, aligned."""
    if array is None or _in_order(array):
        return array
    dtype = array.dtype
    native = dtype if dtype.isnative else dtype.newbyteorder("=")
    return np.require(array, native, ("C_CONTIGUOUS", "ALIGNED"))


@overload
def readable(array: Array, *, spread: bool = ...) -> Array: ...
@overload
def readable(array: None, *, spread: bool = ...) -> None: ...
def readable(array: Array | None, *, spread: bool = True) -> Array | None:
    """The array itself where the kernels can read it in place, else a copy.

    Args:
        array: Any array, or None.
        spread: One value may stand for a whole last axis (stride 0), as in a constant zoneout;
            False: the kernel reads whole vectors along it, so its values lie side by side.
    """
    if array is None or _in_order(array):
        return array
    size = array.dtype.itemsize
    last = (0, size) if spread else (size,)
    in_place = (
        array.dtype.isnative
        and array.flags.aligned
        and all(stride % size == 0 for stride in array.strides)
        and (array.shape[-1] <= 1 or array.strides[-1] in last)
    )
    return array if in_place else dense(array)


def _in_order(array: Array) -> bool:
    """Whether the array is as a new one would be, the case that has to be quick."""
    return array.flags.carray and array.dtype.isnative


def pack(codes: Codes, weights: Given) -> Any:
    """The weights in the kernels' order: the extension's own object."""
    extension = require_native("packing weights")
    values = [dense(weights.get(name)) for name in WEIGHTS]
    kind = extension.PackedFloat32 if _single(weights) else extension.PackedFloat64
    *numbers, rounded = codes
    return kind(*numbers, *values, rounded)


def _single(weights: Given) -> bool:
    weight = weights["input_weight"]
    return weight is not None and weight.dtype.itemsize == 4


def _placed(arrays: Given) -> Sequence[Array | None]:
    if arrays.keys().isdisjoint(PLACES):
        return _NOWHERE
    return [readable(arrays.get(name)) for name in PLACES]


def forward(
    packed: Any, arrays: Given, *, reverse: bool, threads: int, keep: bool
) -> tuple[Array, tuple[Array, ...], Array | None]:
    """Outputs [B, T, H], the last states [B, H] and, with keep, what backward needs.

    Args:
        packed: As `pack` gives it.
        arrays: The arrays beside the weights by name; those of weights are not looked at.
        reverse: From each row's last step to its first.
        threads: At least 1.
        keep: Also give what `backward` needs.
    """
    get, c0 = arrays.get, arrays.get("c0")
    y, h, c, kept = packed.forward(
        readable(get("x"), spread=False),
        readable(get("h0"), spread=False),
        readable(c0, spread=False),
        readable(get("lengths")),
        *_placed(arrays),
        reverse,
        threads,
        keep,
    )
    return y, (h,) if c0 is None else (h, c), kept


def backward(
    codes: Codes,
    kept: Array,
    d_outputs: Sequence[Array],
    arrays: Given,
    *,
    reverse: bool,
    threads: int,
) -> dict[str, Any]:
    """The gradient of each differentiable field, by name; None where the field is absent.

    Args:
        codes: As `codes_of` gives them.
        kept: What `forward` gave with keep.
        d_outputs: Gradients of y [B, T, H] and of each last state [B, H].
        arrays: The arrays that forward took, the weights among them.
        reverse: As forward took it.
        threads: At least 1.
    """
    extension = require_native("a backward pass")
    run = extension.backward_float32 if _single(arrays) else extension.backward_float64
    get = arrays.get
    *numbers, rounded = codes
    results = run(
        *numbers,
        *[dense(get(name)) for name in WEIGHTS],
        dense(kept),
        *[readable(array, spread=False) for array in (*d_outputs, None)[:3]],
        readable(get("x"), spread=False),
        readable(get("h0"), spread=False),
        readable(get("c0"), spread=False),
        readable(get("lengths")),
        *_placed(arrays),
        reverse,
        threads,
        rounded,
    )
    return dict(zip(_GRADIENTS, results, strict=True))
