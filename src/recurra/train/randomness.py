"""Every random state that a training reads: seeded for it, captured, and given back afterwards.

Splits and the order of batches come from generators of their own (`split`, `buckets`), keyed by the
seed; numpy's global generator is never read.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recurra.errors import StateError

__all__ = ["capture", "isolated", "restore", "set_apart"]

# Between the seeds of two processes; a person's own seeds are fewer.
_STRIDE = 2**32 + 15


def capture() -> dict[str, npt.NDArray[Any]]:
    """The states of torch's generators (uint8, each GPU's too) and of Python's `random`."""
    version, words, gauss = random.getstate()
    states: dict[str, npt.NDArray[Any]] = {
        "torch": torch.get_rng_state().numpy().copy(),
        "python": np.array([version, *words], np.int64),
        "python_gauss": np.array([gauss is not None, gauss or 0.0], np.float64),
    }
    if torch.cuda.is_available():
        for k, state in enumerate(torch.cuda.get_rng_state_all()):
            states[f"cuda_{k}"] = state.numpy().copy()
    return states


def restore(states: Mapping[str, npt.NDArray[Any]]) -> None:
    """Put back what `capture` gave.

    Raises:
        StateError: the states are of another kind of machine (another number of GPUs).
    """
    here = sorted(capture())
    if sorted(states) != here:
        raise StateError(
            f"random states of {sorted(states)} do not fit this machine, which has {here}: "
            "continue where the training began"
        )
    torch.set_rng_state(torch.from_numpy(states["torch"].copy()))
    version, *words = (int(word) for word in states["python"])
    drawn, gauss = (float(value) for value in states["python_gauss"])
    random.setstate((version, tuple(words), gauss if drawn else None))
    if torch.cuda.is_available():
        torch.cuda.set_rng_state_all(
            [torch.from_numpy(states[f"cuda_{k}"].copy()) for k in range(torch.cuda.device_count())]
        )


def set_apart(seed: int, process: int) -> None:
    """Let each process that trains with others draw noise of its own; the first one's stays."""
    if process:
        torch.manual_seed((seed + process * _STRIDE) % 2**63)
        random.seed(seed + process * _STRIDE)


@contextmanager
def isolated(seed: int) -> Iterator[None]:
    """Seed every generator, and afterwards give the caller's own random states back."""
    before = capture()
    try:
        torch.manual_seed(seed)
        random.seed(seed)
        yield
    finally:
        restore(before)
