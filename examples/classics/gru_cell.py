"""1. The GRU cell from its four equations, in numpy, checked against the layers.

What printed programs get wrong: one weight matrix for all gates (each gate has its own); gates that
read the input alone (each reads the previous state too); r applied to the state where the layer
compared with applies it to the product; and z the other way round. Keras and PyTorch write
h = z h' + (1 - z) n: there z = 1 keeps the past. recurra and Chung et al. (2014) write
h = h' + z (n - h'): there z = 0 keeps it. Both are the same cell, with z and 1 - z exchanged.

    KERAS_BACKEND=torch python examples/classics/gru_cell.py
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from recurra import keras as recurra_keras
from recurra.layers import GRU

Array = npt.NDArray[np.float64]


def sigmoid(a: Array) -> Array:
    """1 / (1 + exp(-a)), in the form that does not overflow."""
    value: Array = 0.5 * np.tanh(0.5 * a) + 0.5
    return value


def cell(x: Array, h: Array, W: Array, U: Array, b: Array, c: Array) -> Array:
    """One step of a GRU that resets after the product, z = 1 keeping the past.

    Args:
        x: Input, [B, I].
        h: Previous state, [B, H].
        W: Input weights of update, reset and candidate side by side, [I, 3H].
        U: Recurrent weights, [H, 3H].
        b: Input bias, [3H]; zeros: a cell without biases.
        c: Recurrent bias, [3H].

    Returns:
        The state, [B, H].
    """
    x_z, x_r, x_n = np.split(x @ W + b, 3, axis=1)
    h_z, h_r, h_n = np.split(h @ U + c, 3, axis=1)
    update = sigmoid(x_z + h_z)
    reset = sigmoid(x_r + h_r)
    candidate = np.tanh(x_n + reset * h_n)
    state: Array = update * h + (1 - update) * candidate
    return state


def main(batch: int = 4, time: int = 12, inputs: int = 3, units: int = 5) -> dict[str, float]:
    """Run the cell over a sequence, with and without biases, beside both layers."""
    random = np.random.default_rng(0)
    x = random.normal(size=(batch, time, inputs))
    W, U = random.normal(size=(inputs, 3 * units)), random.normal(size=(units, 3 * units))
    apart = {}
    for name, scale in (("with biases", 1.0), ("without biases", 0.0)):
        b, c = scale * random.normal(size=(2, 3 * units))
        h = np.zeros((batch, units))
        for t in range(time):
            h = cell(x[:, t], h, W, U, b, c)

        theirs = recurra_keras.GRU(units, use_bias=scale > 0, dtype="float64")
        theirs.build(x.shape)
        theirs.set_weights([W, U, np.stack((b, c))][: 2 + (scale > 0)])
        apart[f"keras, {name}"] = float(np.abs(theirs(x).detach().numpy() - h).max())

        ours = GRU(inputs, units, bias=scale > 0, dtype=torch.float64)
        with torch.no_grad():
            # Our blocks are reset, update, candidate, and our z is one minus theirs.
            for parameter, theirs_block in zip(ours.parameters(), (W.T, U.T, b, c), strict=False):
                z, r, n = np.split(theirs_block, 3)
                parameter.copy_(torch.from_numpy(np.concatenate((r, -z, n))))
        _, state = ours(torch.from_numpy(x))
        apart[f"recurra, {name}"] = float(np.abs(state.h.detach().numpy() - h).max())
    for name, difference in apart.items():
        print(f"{name}: largest difference {difference:.1e}")
    return apart


if __name__ == "__main__":
    main()
