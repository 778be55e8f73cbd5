"""How well a sequence was foreseen: negative log-likelihood in nats, bits and as perplexity.

nll = sum over all steps of -log p(step | those before it) / number of steps

A step is a symbol, or a frame whose notes' terms are summed (Chung et al. 2014, table 2): the mean
is taken over the steps of all sequences together.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import ShapeError

__all__ = ["bits", "nll", "perplexity"]

Array = npt.NDArray[Any]


def nll(nats: Array, steps: Array) -> float:
    """Nats a step.

    Args:
        nats: Of each sequence, [N], summed over its steps.
        steps: How many it has, [N].

    Raises:
        ShapeError: the arrays do not fit, or there is no step at all.
    """
    nats, steps = np.asarray(nats, np.float64), np.asarray(steps, np.float64)
    if nats.shape != steps.shape or nats.ndim != 1 or not steps.sum() > 0:
        raise ShapeError(
            "expected nats [N] and steps [N] with at least one step in all, got "
            f"{list(nats.shape)} and {list(steps.shape)}"
        )
    return float(nats.sum() / steps.sum())


def bits(nats: Array, steps: Array) -> float:
    """Bits a step: nats / log 2."""
    return nll(nats, steps) / math.log(2)


def perplexity(nats: Array, steps: Array) -> float:
    """exp(nats a step): among how many equally likely symbols the model hesitates."""
    mean = nll(nats, steps)
    # float64 holds nothing larger; such a model foresees nothing at all.
    return math.exp(mean) if mean < 709 else math.inf
