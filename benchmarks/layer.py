"""One layer as a value: weights, inputs, the gradient that comes back; and its exact results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from recurra.ops import reference

__all__ = ["GATES", "STATES", "WEIGHTS", "Layer", "Shape", "as_array"]

Array = NDArray[Any]
Shape = tuple[int, int, int, int]
WEIGHTS = ("input_weight", "recurrent_weight", "input_bias", "recurrent_bias")
STATES = {"gru": ("h",), "lstm": ("h", "c"), "rnn": ("h",), "mingru": ("h",)}
GATES = {"gru": 3, "lstm": 4, "rnn": 1, "mingru": 2}


def as_array(tensor: torch.Tensor | None) -> Array:
    """The values of a tensor that is there."""
    assert tensor is not None
    array: Array = tensor.detach().numpy()
    return array


@dataclass(frozen=True)
class Layer:
    """Everything that one call takes, in float32 and in our convention.

    Args:
        family: "gru", "lstm", "rnn" or "mingru".
        shape: [B, T, I, H].
        weights: By our names; minGRU, whose gates read the input alone, has no recurrent ones.
        x: [B, T, I].
        dy: [B, T, H].
        choices: Such as {"reset": "before"}.
    """

    family: str
    shape: Shape
    weights: Mapping[str, Array]
    x: Array
    dy: Array
    choices: Mapping[str, Any]

    @staticmethod
    def random(family: str, shape: Shape, **choices: str) -> Layer:
        """PyTorch's own initialisation: uniform within 1 / sqrt(H); inputs are normal."""
        batch, time, inputs, units = shape
        rng = np.random.default_rng(0)
        rows, bound = GATES[family] * units, units**-0.5
        shapes: tuple[tuple[int, ...], ...] = ((rows, inputs), (rows, units), (rows,), (rows,))
        return Layer(
            family,
            shape,
            {
                name: rng.uniform(-bound, bound, size).astype(np.float32)
                for name, size in zip(WEIGHTS, shapes, strict=True)
                if family != "mingru" or name.startswith("input")
            },
            rng.standard_normal((batch, time, inputs), np.float32),
            rng.standard_normal((batch, time, units), np.float32),
            choices,
        )

    def states(self) -> dict[str, Array]:
        """Zero states to begin with, [B, H]."""
        zero = np.zeros((self.shape[0], self.shape[3]), np.float32)
        return {f"{name}0": zero for name in STATES[self.family]}

    def theirs(self, order: Sequence[int] | None = None) -> tuple[Array, ...]:
        """The weights as others take them, in the order of `WEIGHTS`.

        PyTorch, ONNX, OpenVINO and Keras all write the GRU's update gate the other way round
        (z keeps the old state): a change of sign.

        Args:
            order: Which of our blocks of rows stands where in theirs; None: as in ours.
        """
        blocks = {name: self._signed(self._blocks(weight)) for name, weight in self.weights.items()}
        if order is not None:
            blocks = {name: block[list(order)] for name, block in blocks.items()}
        return tuple(blocks[name].reshape(self.weights[name].shape) for name in WEIGHTS)

    def back(self, gradient: Array, order: Sequence[int] | None = None) -> Array:
        """What `theirs` does, undone for the gradient of a weight."""
        blocks = self._blocks(gradient)
        if order is not None:
            blocks = blocks[np.argsort(order)]
        return self._signed(blocks).reshape(gradient.shape)

    def _blocks(self, weight: Array) -> Array:
        return weight.reshape(GATES[self.family], self.shape[3], -1)

    def _signed(self, blocks: Array) -> Array:
        if self.family != "gru":
            return blocks
        signed: Array = blocks * np.array([1, -1, 1], blocks.dtype)[:, None, None]
        return signed

    def exact(self, *, gradients: bool) -> dict[str, Array]:
        """Outputs, or every gradient, of the reference in float64."""
        tensors = {
            name: torch.from_numpy(array.astype(np.float64)).requires_grad_(gradients)
            for name, array in {"x": self.x, **self.weights}.items()
        }
        states = {n: torch.from_numpy(a.astype(np.float64)) for n, a in self.states().items()}
        y = getattr(reference, self.family)(**tensors, **states, **self.choices)[0]
        if not gradients:
            return {"y": as_array(y)}
        y.backward(torch.from_numpy(self.dy.astype(np.float64)))
        return {name: as_array(tensor.grad) for name, tensor in tensors.items()}
