"""The activations of `recurra.spec.cells` as torch functions, right under double backward.

NaN goes through every one of them: a clamp that swallowed it would hide a broken row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional

from recurra.errors import SpecError
from recurra.spec.cells import Activation

__all__ = ["activation"]


def _hard_sigmoid(x: Tensor) -> Tensor:
    # torch's own hardsigmoid has no second derivative.
    return functional.hardtanh(x / 6 + 0.5, 0.0, 1.0)


def _softsign(x: Tensor) -> Tensor:
    return x / (1 + x.abs())


def _identity(x: Tensor) -> Tensor:
    return x


_FUNCTIONS: Mapping[Activation, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "tanh": torch.tanh,
        "relu": torch.relu,
        "sigmoid": torch.sigmoid,
        "hard_sigmoid": _hard_sigmoid,
        "hard_tanh": functional.hardtanh,
        "softsign": _softsign,
        "identity": _identity,
    }
)


def activation(name: Activation) -> Callable[[Tensor], Tensor]:
    """The function of that name.

    Raises:
        SpecError: the name is none of `recurra.spec.cells.ACTIVATIONS`.
    """
    if name not in _FUNCTIONS:
        raise SpecError(f"activation must be one of {', '.join(_FUNCTIONS)}; got {name!r}")
    return _FUNCTIONS[name]
