"""The cases: which layer, which shapes, who takes part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import torch

from benchmarks.harness import Contender
from benchmarks.layer import Layer, Shape
from benchmarks.peers import keras, onnxruntime, openvino, ours, pytorch
from benchmarks.products import Product, product
from recurra import kernels

__all__ = ["CASES", "Case"]

Entry = Callable[[Layer, int], Contender | None]

SHAPES: tuple[Shape, ...] = (
    (64, 100, 512, 512),
    (64, 100, 128, 256),
    (32, 100, 64, 128),
    (256, 50, 64, 64),
    (64, 784, 1, 128),
    (1, 100, 64, 128),
    (1, 100, 256, 512),
)
_UNITS = (16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Case:
    """One kind of call.

    Args:
        family: "gru", "lstm", "rnn" or "mingru".
        ours: Which of our functions runs, in words.
        entries: Everyone who takes part, by name; "ours" is one.
        shapes: [B, T, I, H] of each record.
        quick: Those of them that `--quick` keeps.
        gradients: Training: the results are gradients.
        stepwise: One step: T is 1.
        choices: Of the layer.
        dtype: Of the products inside, where the processor has them, and so of the yardstick.
    """

    family: str
    ours: str
    entries: Mapping[str, Entry]
    shapes: tuple[Shape, ...]
    quick: tuple[Shape, ...]
    gradients: bool = False
    stepwise: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)
    dtype: torch.dtype = torch.float32

    def fits(self, shape: Shape) -> bool:
        """Whether the case can be run in that shape."""
        return shape[1] == 1 or not self.stepwise

    def layer(self, shape: Shape) -> Layer:
        """The layer of this case in that shape."""
        return Layer.random(self.family, shape, **self.choices)

    def contenders(
        self, layer: Layer, threads: int, without: Collection[str] = ()
    ) -> dict[str, Contender]:
        """Everyone who takes part and is installed; who is left out is not loaded either."""
        found = {
            name: entry(layer, threads)
            for name, entry in self.entries.items()
            if name not in without
        }
        return {name: one for name, one in found.items() if one is not None}

    def yardstick(self, layer: Layer) -> Product | None:
        """The product of as many multiply-adds; None for single steps, and for minGRU."""
        if self.stepwise:
            return None
        # Without such products ours are float32, and PyTorch's bfloat16 is emulated.
        exact = self.dtype == torch.bfloat16 and kernels.why_not_bfloat16() is not None
        return product(
            layer, gradients=self.gradients, dtype=torch.float32 if exact else self.dtype
        )


_QUICK: tuple[Shape, ...] = ((64, 100, 128, 256), (32, 100, 64, 128), (1, 100, 64, 128))
_SMALL: tuple[Shape, ...] = ((32, 100, 64, 128),)


def _inference(family: str) -> Case:
    return Case(
        family,
        f"recurra.kernels.{family}.Packed.forward",
        {
            "ours": ours.inference,
            "pytorch": pytorch.inference,
            "onnxruntime": onnxruntime.inference,
            "openvino": openvino.inference,
            "keras-jax": keras.inference,
        },
        SHAPES,
        _QUICK,
    )


def _training(family: str, quick: tuple[Shape, ...] = _QUICK) -> Case:
    return Case(
        family,
        f"recurra.layers.{family.upper()} and backward",
        {"ours": ours.training, "pytorch": pytorch.training, "keras-jax": keras.training},
        SHAPES,
        quick,
        gradients=True,
    )


def _autocast(entry: Entry) -> Entry:
    """The same contender under autocast to bfloat16; weights and what is given stay float32."""

    def rounded(layer: Layer, threads: int) -> Contender | None:
        one = entry(layer, threads)
        return one and Contender(_inside(one.call), _inside(one.results))

    return rounded


def _inside(function: Callable[[], Any]) -> Callable[[], Any]:
    @wraps(function)
    def call() -> Any:
        with torch.autocast("cpu", torch.bfloat16):
            return function()

    return call


def _step(batch: int, *, quick: tuple[int, ...]) -> Case:
    return Case(
        "gru",
        "recurra.runtime.Stream.feed",
        {
            "ours": ours.step,
            "pytorch": pytorch.step,
            "onnxruntime": onnxruntime.step,
            "onnxruntime-bound": onnxruntime.bound_step,
            "openvino": openvino.step,
        },
        tuple((batch, 1, 64, units) for units in _UNITS),
        tuple((batch, 1, 64, units) for units in quick),
        stepwise=True,
    )


CASES: Mapping[str, Case] = {
    "gru-inference": _inference("gru"),
    "gru-training": _training("gru"),
    "gru-training-bf16": Case(
        "gru",
        "recurra.layers.GRU and backward under autocast to bfloat16",
        {"ours": _autocast(ours.training), "pytorch": _autocast(pytorch.training)},
        SHAPES[:5],
        _SMALL,
        gradients=True,
        dtype=torch.bfloat16,
    ),
    "gru-before-training": Case(
        "gru",
        "recurra.layers.GRU(reset='before') and backward",
        {"ours": ours.training, "pytorch-compiled": pytorch.training},
        SHAPES,
        _SMALL,
        gradients=True,
        choices={"reset": "before"},
    ),
    "lstm-inference": _inference("lstm"),
    "lstm-training": _training("lstm"),
    "rnn-training": _training("rnn", _SMALL),
    "mingru-training": Case(
        "mingru",
        "recurra.layers.MinGRU and backward",
        {"ours": ours.training, "pytorch": pytorch.scan_training},
        SHAPES,
        _SMALL,
        gradients=True,
    ),
    # One step takes as long however long the sequence is.
    "mingru-length": Case(
        "mingru",
        "recurra.kernels.scan.Packed.forward",
        {"ours": ours.inference, "pytorch": pytorch.scan_inference},
        tuple((1, time, 64, 128) for time in (1_000, 10_000, 100_000)),
        tuple((1, time, 64, 128) for time in (1_000, 10_000)),
    ),
    "gru-step": _step(1, quick=_UNITS),
    "gru-step-64": _step(64, quick=(128,)),
}
