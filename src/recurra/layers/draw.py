"""Which values dropout and zoneout leave: drawn from torch's generator, many at once."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["kept"]

# A draw is 32 bits; the chance of a value is met to 2 ** -32.
_DRAWS = 2**32


def kept(shape: torch.Size | tuple[int, ...], rate: float, like: Tensor) -> Tensor:
    """1 with probability 1 - rate, else 0; each value for itself.

    Half of a 64-bit draw decides a value: on a CPU `torch.bernoulli` takes more than twice as
    long, and dropping recurrent weights draws millions of values a step.

    Args:
        shape: Of what comes back.
        rate: In [0, 1]; met to 2 ** -32.
        like: Gives device and dtype.
    """
    count = math.prod(shape)
    draws = torch.randint(-(2**63), 2**63 - 1, ((count + 1) // 2,), device=like.device)
    halves = draws.view(torch.int32)[:count]
    # A draw is uniform on [-2 ** 31, 2 ** 31): as many lie below the threshold as are dropped.
    threshold = round(rate * _DRAWS) - 2**31
    return (halves >= threshold).view(shape).to(like.dtype)
