"""A linear map whose every output is one chain of fused multiply-adds in the order of k.

    y = x W^T + b

Unlike a general matrix product, no row's bits depend on how many rows there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.errors import DTypeError, ShapeError
from recurra.kernels import portable
from recurra.kernels.checked import Array, dense, readable
from recurra.kernels.choice import native, require_native

__all__ = ["Packed", "forward"]


class Packed:
    """A weight [O, I] and a bias [O] or None, put in the kernels' order once, for many calls.

    Raises:
        ShapeError: they do not fit each other.
        DTypeError: they are not both float32 or both float64.
    """

    def __init__(self, weight: Array, bias: Array | None = None) -> None:
        if weight.ndim != 2:
            raise ShapeError(f"linear expected weight [O, I], got {list(weight.shape)}")
        if weight.dtype.name not in ("float32", "float64"):
            raise DTypeError(f"linear expected weight in float32 or float64, got {weight.dtype}")
        if bias is not None and (bias.shape != weight.shape[:1] or bias.dtype != weight.dtype):
            raise ShapeError(
                f"linear expected bias [O={weight.shape[0]}] in {weight.dtype}, "
                f"got {list(bias.shape)} in {bias.dtype}"
            )
        self._weight, self._bias = dense(weight), None if bias is None else dense(bias)
        self._packed: Any = None
        extension = native()
        if extension is not None:
            single = weight.dtype.name == "float32"
            kind = extension.LinearFloat32 if single else extension.LinearFloat64
            self._packed = kind(self._weight, self._bias)

    def prepared(self) -> Any:
        """The extension's own handle on the packed weights, for `kernels.stream.Program`."""
        require_native("a handle on packed weights")
        return self._packed.prepared()

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Map x [N, I] to [N, O], into `out` where it is given; `out` may not overlap x."""
        outputs, inputs = self._weight.shape
        if x.ndim != 2 or x.shape[1] != inputs:
            raise ShapeError(f"linear expected x [N, I={inputs}], got {list(x.shape)}")
        if x.dtype != self._weight.dtype:
            raise DTypeError(
                f"linear expected x in {self._weight.dtype} as weight is, got {x.dtype}"
            )
        wanted = (x.shape[0], outputs)
        result = np.empty(wanted, self._weight.dtype) if out is None else out
        if result.shape != wanted or result.dtype != self._weight.dtype:
            raise ShapeError(
                f"linear expected out {list(wanted)} in {self._weight.dtype}, "
                f"got {list(result.shape)} in {result.dtype}"
            )
        if self._packed is None:
            portable.linear(dense(x), self._weight, self._bias, result)
        elif result.flags.c_contiguous:
            self._packed.forward(readable(x, spread=False), result)
        else:
            whole = np.empty(wanted, result.dtype)
            self._packed.forward(readable(x, spread=False), whole)
            result[...] = whole
        return result


def forward(x: Array, weight: Array, bias: Array | None = None, out: Array | None = None) -> Array:
    """Map x [N, I] by weight [O, I] and bias [O] to [N, O].

    Args:
        x: [N, I], float32 or float64.
        weight: [O, I].
        bias: [O]; None: zero.
        out: Where to write, [N, O]. None: a new array.

    Raises:
        ShapeError: an axis differs.
        DTypeError: the arrays are not all float32 or all float64.
    """
    return Packed(weight, bias).forward(x, out)
