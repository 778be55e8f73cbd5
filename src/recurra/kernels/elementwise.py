"""numpy's functions of single elements, with bits that do not depend on where an element stands.

numpy takes whole vectors of elements at once and the rest of an array one by one; where the two
ways round differently, an element's bits would depend on its neighbours' number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["elementwise", "log_softmax"]

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
