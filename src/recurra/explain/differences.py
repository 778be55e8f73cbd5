"""The slow oracle of `flow`: the state is moved and the rest of the sequence is run again.

dh_T / dh_t [., j] = (h_T(h_t + e_j epsilon) - h_T(h_t - e_j epsilon)) / (2 epsilon)
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recurra.explain.flow import Norm, matrix_norm
from recurra.layers.abstract import AbstractRecurrent

__all__ = ["flow_by_differences"]

# The cube root of float64's spacing: where the error of the formula, epsilon squared, meets that
# of the subtraction, spacing / epsilon.
_EPSILON = 6e-6


@torch.no_grad()
def flow_by_differences(
    layer: AbstractRecurrent, x: Tensor, t: int, *, norm: Norm = "spectral"
) -> dict[str, npt.NDArray[Any]]:
    """The norms that `flow` gives for one step, by central differences in float64.

    Args:
        layer: A GRU, LSTM, RNN or MinGRU.
        x: Inputs, [B, T, I], every step of which counts.
        t: 0 <= t < T: which h_t is moved.
        norm: As `flow`'s.

    Returns:
        Norms by field as `Flow.norms` has them, [B].
    """
    layer = deepcopy(layer).eval().double()
    x = x.double()
    _, state = layer(x[:, : t + 1])
    hidden, widths = state[0].shape[1], len(state) * state[0].shape[1]
    whole = torch.cat(state, 1)
    columns = []
    for j in range(widths):
        ends = []
        for sign in (1.0, -1.0):
            moved = whole.clone()
            moved[:, j] += sign * _EPSILON
            end = type(state)(*torch.split(moved, hidden, 1))
            if t + 1 < x.shape[1]:
                _, end = layer(x[:, t + 1 :], end)
            ends.append(torch.cat(end, 1))
        columns.append((ends[0] - ends[1]) / (2.0 * _EPSILON))
    jacobian = torch.stack(columns, 2)
    fields: dict[str, Tensor] = {}
    for k, name in enumerate(state._fields):
        rows = slice(k * hidden, (k + 1) * hidden)
        fields[name] = jacobian[:, rows, rows]
    if len(fields) > 1:
        fields["state"] = jacobian
    return {name: np.asarray(matrix_norm(block, norm)) for name, block in fields.items()}
