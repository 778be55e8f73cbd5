"""Where a training computes: Accelerate brings device, mixed precision and torch.distributed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from recurra.errors import BackendError

__all__ = ["accelerator_for", "real_dtype", "threads_of"]

Precision = Literal["float32", "float64", "bfloat16"]


def real_dtype(precision: Precision) -> torch.dtype:
    """The dtype of the weights: bfloat16 is mixed precision over float32 weights."""
    return torch.float64 if precision == "float64" else torch.float32


@contextmanager
def accelerator_for(precision: Precision, backend: str) -> Iterator[Accelerator]:
    """An Accelerator on a GPU where there is one and the backend can use it, else on the CPU.

    Accelerate remembers one mixed precision for the whole process. It is set aside for the time of
    this training, so that trainings of different precision can follow one another.

    Raises:
        BackendError: Accelerate refuses (its own state was fixed otherwise by the caller).
    """
    # `_shared_state` is where Accelerate keeps its singleton; it has no public way to leave it.
    kept = dict(AcceleratorState._shared_state)
    AcceleratorState._shared_state.clear()
    try:
        try:
            accelerator = Accelerator(
                cpu=backend == "native" or not torch.cuda.is_available(),
                mixed_precision="bf16" if precision == "bfloat16" else "no",
            )
        except ValueError as error:
            raise BackendError(f"no device for precision={precision}: {error}") from None
        yield accelerator
    finally:
        AcceleratorState._shared_state.clear()
        AcceleratorState._shared_state.update(kept)


@contextmanager
def threads_of(count: int) -> Iterator[None]:
    """Let torch use `count` threads (0: its own choice), and give the caller's number back."""
    before = torch.get_num_threads()
    try:
        if count:
            torch.set_num_threads(count)
        yield
    finally:
        torch.set_num_threads(before)
