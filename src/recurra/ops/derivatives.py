"""Derivatives of the reference as plain functions: what the fast kernels have no formula for.

    pull:  cotangents of the outputs -> gradients of chosen arrays        (J^T u)
    push:  tangents of the inputs    -> tangents of the outputs           (J v)

Both are torch throughout, so they can be differentiated again, mapped and compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from recurra.ops import reference
from recurra.ops.call import Call

__all__ = ["FUNCTIONS", "Function", "forward", "pull", "push"]

FUNCTIONS: Mapping[str, Callable[..., tuple[Tensor, ...]]] = MappingProxyType(
    {
        "gru": reference.gru,
        "lstm": reference.lstm,
        "rnn": reference.rnn,
        "scan": reference.mingru,
    }
)
Function = Callable[..., tuple[Tensor, ...]]
# Its declared type covers a third value too, which only has_aux gives.
_vjp: Any = torch.func.vjp


def forward(call: Call) -> tuple[Tensor, ...]:
    """Outputs and final states by the reference."""
    return FUNCTIONS[call.family](**call.arrays, **call.choices)


def pull(
    function: Function, inputs: Sequence[Tensor], cotangents: Sequence[Tensor | None]
) -> tuple[Tensor, ...]:
    """The gradient of each input; a cotangent that is None is zero."""
    outputs, gradients = _vjp(function, *inputs)
    filled = tuple(
        torch.zeros_like(output) if cotangent is None else cotangent
        for output, cotangent in zip(outputs, cotangents, strict=True)
    )
    return tuple(gradients(filled))


def push(
    function: Function, inputs: Sequence[Tensor], tangents: Sequence[Tensor | None]
) -> tuple[Tensor, ...]:
    """The tangent of each output; a tangent that is None is zero.

    The gradient is linear in its cotangents, so its own gradient along them is J v: this works
    inside a dual level, where torch allows no second one.
    """
    outputs, gradients = _vjp(function, *inputs)
    filled = tuple(
        torch.zeros_like(primal) if tangent is None else tangent
        for primal, tangent in zip(inputs, tangents, strict=True)
    )
    zeros = tuple(torch.zeros_like(output) for output in outputs)
    _, along = _vjp(gradients, zeros)
    (result,) = along(filled)
    return tuple(result)
