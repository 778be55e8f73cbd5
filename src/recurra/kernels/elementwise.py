"""Functions of single elements, with bits that do not depend on where an element stands.

`activated` and `faded` are the native kernels' own where those were built, so that a native stream
computes the same bits. `elementwise` is for functions of numpy's, which takes whole vectors of
elements at once and the rest of an array one by one; where the two ways round differently, an
element's bits would depend on its neighbours' number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.kernels.choice import native
from recurra.kernels.portable import ACTIVATIONS as PORTABLE
from recurra.spec.cells import ACTIVATIONS

__all__ = ["activated", "elementwise", "faded", "log_softmax"]

Array = npt.NDArray[Any]
# No vector unit takes more elements at once (64 bytes hold 16 of float32), unrolled four times.
_WHOLE = 64


def elementwise(function: Callable[[Array], Array], x: Array) -> Array:
    """`function` of every element of x, a new array; whole vectors only.

    Args:
        function: One of numpy's, an element's result depending on that element alone.
        x: Floats, any axes.
    """
    flat = np.empty(-(-x.size // _WHOLE) * _WHOLE, x.dtype)
    flat[: x.size] = x.ravel()
    # Any number that no function minds.
    flat[x.size :] = 1
    return function(flat)[: x.size].reshape(x.shape)


def activated(name: str, x: Array) -> Array:
    """The activation `name` of every element of x, a new array.

    Args:
        name: One of `recurra.spec.cells.ACTIVATIONS`.
        x: Floats, float32 or float64, any axes.
    """
    extension = native()
    if extension is None:
        return elementwise(PORTABLE[name], x)
    result = np.array(x, order="C")
    single = result.dtype == np.float32
    function = extension.activate_float32 if single else extension.activate_float64
    function(ACTIVATIONS.index(name), result.reshape(-1))
    return result


def faded(x: Array) -> Array:
    """exp(-max(0, x)) of every element, a new array: what is left of a value; NaN stays NaN.

    Args:
        x: Floats, float32 or float64, any axes.
    """
    extension = native()
    if extension is None:
        return elementwise(lambda rate: np.exp(-np.where(rate <= 0, rate.dtype.type(0), rate)), x)
    result = np.array(x, order="C")
    single = result.dtype == np.float32
    (extension.fade_float32 if single else extension.fade_float64)(result.reshape(-1))
    return result


def log_softmax(scores: Array) -> Array:
    """Logarithms of the probabilities that scores stand for, along the last axis, in float64.

        y_k = a_k - max a - log sum_j exp(a_j - max a)

    Args:
        scores: [..., V]; -inf stays -inf as long as one of the V is finite.
    """
    # One order of the axes, whatever the caller's: the sums below run along memory.
    shifted = np.ascontiguousarray(scores, dtype=np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    sums = elementwise(np.exp, shifted).sum(axis=-1, keepdims=True)
    logarithms: Array = shifted - elementwise(np.log, sums)
    return logarithms
