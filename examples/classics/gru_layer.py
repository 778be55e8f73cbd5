"""2. A GRU layer with initialisers, regularisers and constraints, whose state is kept and reset.

What printed programs get wrong: the state is kept from one batch to the next although the rows of
the next batch are other sequences (keep it only where row k goes on as row k); the kept state is
not detached, so that the gradient reaches back through all batches ever seen; a constraint is
applied to the gradient, where it belongs to the weight, after the optimiser's step.

    KERAS_BACKEND=torch python examples/classics/gru_layer.py
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import torch
from torch import Tensor, nn

from recurra import keras as recurra_keras
from recurra.layers import GRU
from recurra.spec.state import map_arrays


def with_keras(batch: int) -> Any:
    """The layer as Keras users write it."""
    layer = recurra_keras.GRU(
        8,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        kernel_regularizer=keras.regularizers.L2(1e-3),
        recurrent_constraint=keras.constraints.UnitNorm(),
        return_sequences=True,
        return_state=True,
        stateful=True,
    )
    layer.build((batch, None, 2))
    return layer


class StatefulGRU(nn.Module):
    """The same around `recurra.layers.GRU`: x [B, T, I] -> y [B, T, H], state [B, H]."""

    def __init__(self, inputs: int, units: int, l2: float) -> None:
        super().__init__()
        self.gru = GRU(inputs, units, input_init="glorot_uniform", recurrent_init="orthogonal")
        self.l2 = l2
        self.state: Any = None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Go on from the state of the call before."""
        y, state = self.gru(x, self.state)
        self.state = map_arrays(lambda slot: slot.detach(), state)
        return y, state.h

    def penalty(self) -> Tensor:
        """What is added to the loss."""
        return self.l2 * self.gru.input_weight.square().sum()

    @torch.no_grad()
    def constrain(self) -> None:
        """Rows of the recurrent weight to length 1; to be called after the optimiser's step."""
        weight = self.gru.recurrent_weight
        weight.div_(weight.norm(dim=1, keepdim=True))

    def reset_states(self) -> None:
        """Begin anew at the next call."""
        self.state = None


def length_after_a_step(theirs: Any, ours: StatefulGRU, x: Tensor) -> dict[str, float]:
    """How far from 1 the recurrent columns of each gate's unit are, once something was learnt."""
    optimiser = keras.optimizers.SGD(0.1)
    theirs.reset_states()
    weights = theirs.trainable_variables
    grads = torch.autograd.grad(theirs(x)[0].square().sum(), [w.value for w in weights])
    optimiser.apply(grads, weights)  # Keras' optimiser applies the constraints too
    ours.reset_states()
    step = torch.optim.SGD(ours.parameters(), 0.1)
    (ours(x)[0].square().sum() + ours.penalty()).backward()
    step.step()
    ours.constrain()
    kernel = theirs.cell.recurrent_kernel.value
    return {
        "keras: columns of length 1": float((kernel.norm(dim=0) - 1).abs().max().detach()),
        "recurra: rows of length 1": float(
            (ours.gru.recurrent_weight.norm(dim=1) - 1).abs().max().detach()
        ),
    }


def main(batch: int = 3, time: int = 10) -> dict[str, float]:
    """Two halves of a sequence, the state kept, are the whole; after a reset it begins anew."""
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(batch, time, 2)).astype("f4"))
    half = time // 2
    figures = {}
    theirs, ours = with_keras(batch), StatefulGRU(2, 8, l2=1e-3)
    for name, layer in (("keras", theirs), ("recurra", ours)):
        whole, _ = layer(x)
        layer.reset_states()
        first, _ = layer(x[:, :half])
        second, state = layer(x[:, half:])
        figures[f"{name}: halves against whole"] = float(
            (torch.cat((first, second), 1) - whole).abs().max().detach()
        )
        figures[f"{name}: state against last output"] = float(
            (state - whole[:, -1]).abs().max().detach()
        )
        layer.reset_states()
        figures[f"{name}: after a reset"] = float(
            (layer(x[:, :half])[0] - first).abs().max().detach()
        )
    figures |= length_after_a_step(theirs, ours, x)
    figures["keras: penalty"] = float(theirs.losses[0].detach())
    figures["recurra: penalty"] = float(ours.penalty().detach())
    for figure, value in figures.items():
        print(f"{figure}: {value:.3g}")
    return figures


if __name__ == "__main__":
    main()
