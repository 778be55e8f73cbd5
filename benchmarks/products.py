"""The yardstick: a plain product of matrices with as many multiply-adds as a layer's own.

    y = x W        x [B*T, I+H], W [I+H, G*H]

A layer must take its recurrent products one step after another; here they are all one, so this is
as fast as the library's sgemm makes that many multiply-adds. It computes no layer: it is no peer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmarks.layer import GATES, Layer

__all__ = ["Product", "product"]


@dataclass(frozen=True)
class Product:
    """What to time, and how much it computes.

    Args:
        call: Computes the product, or the three of training, into memory that is there already.
        flops: Additions and multiplications in it, and in the layer's own products.
    """

    call: Callable[[], object]
    flops: int


def product(layer: Layer, *, gradients: bool, dtype: torch.dtype) -> Product | None:
    """The yardstick of a layer; None where it has no recurrent product (minGRU).

    Args:
        layer: Whose sizes are taken.
        gradients: Also the products for dx and dW, each as large as the first.
        dtype: Of the matrices.
    """
    if "recurrent_weight" not in layer.weights:
        return None
    batch, time, inputs, units = layer.shape
    steps, columns, rows = batch * time, inputs + units, GATES[layer.family] * units
    generator = torch.Generator().manual_seed(0)

    def drawn(*sizes: int) -> torch.Tensor:
        return torch.randn(sizes, generator=generator).to(dtype)

    x, weight, y = drawn(steps, columns), drawn(columns, rows), drawn(steps, rows)
    flops = 2 * steps * columns * rows
    if not gradients:
        return Product(lambda: torch.mm(x, weight, out=y), flops)
    dy, dx, d_weight = drawn(steps, rows), torch.empty_like(x), torch.empty_like(weight)

    def call() -> None:
        torch.mm(x, weight, out=y)
        torch.mm(dy, weight.T, out=dx)
        torch.mm(x.T, dy, out=d_weight)

    return Product(call, 3 * flops)
