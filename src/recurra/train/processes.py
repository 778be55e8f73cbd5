"""Several processes that train together: which one this is, that they agree, who tells an error.

A launcher (torchrun, accelerate launch, srun with the same variables) says who is who in the
environment. What is read here needs no torch; the rest loads it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from recurra.errors import TrainingError
from recurra.spec.canonical import json_to_bytes

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

__all__ = ["agree", "first_to_tell", "loss_of_another_named", "rank", "size"]

# Where launchers say it, in the order in which Accelerate looks.
_RANKS = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
_SIZES = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
_TOLD = "recurra/told"
# For the launcher's store to answer: it is there already, or its process has ended.
_PATIENCE = timedelta(seconds=10)
# What gloo and NCCL say when a process at the other end has gone, besides their own type of error.
_GONE = ("gloo", "Connection closed by peer", "Connection reset by peer", "Broken pipe", "NCCL")


def rank() -> int:
    """The number of this process, 0: the one that prints and writes."""
    return _number(_RANKS, 0)


def size() -> int:
    """How many processes train together."""
    return _number(_SIZES, 1)


def _number(names: tuple[str, ...], otherwise: int) -> int:
    found = [os.environ[name] for name in names if os.environ.get(name, "").isdecimal()]
    return int(found[0]) if found else otherwise


def first_to_tell() -> bool:
    """Whether no other process has told an error yet; the first one to ask may tell its own.

    Where nobody can be asked any more, this one tells.
    """
    if size() == 1:
        return True
    from torch.distributed.rendezvous import rendezvous

    try:
        store, _, _ = next(rendezvous("env://", rank(), size(), timeout=_PATIENCE))
        return bool(store.add(_TOLD, 1) == 1)
    except (RuntimeError, ValueError, OSError):
        return True


@contextmanager
def loss_of_another_named() -> Iterator[None]:
    """Say in our words that another process has ended or cannot be reached."""
    if size() == 1:
        yield
        return
    from torch.distributed import DistError

    try:
        yield
    except RuntimeError as error:
        if isinstance(error, TrainingError):
            raise
        if not isinstance(error, DistError) and not any(word in str(error) for word in _GONE):
            raise
        raise TrainingError(
            f"rank {rank()} of {size()} lost another process, which ended (killed, out of memory?) "
            "or cannot be reached: the same command with --resume goes on from the last checkpoint"
        ) from error


def agree(accelerator: Accelerator, said: Mapping[str, Any]) -> None:
    """Make sure that all processes say the same.

    Args:
        accelerator: Brings them together; all must call.
        said: The same names everywhere, JSON values.

    Raises:
        TrainingError: on every process, with the names of what differs.
    """
    if accelerator.num_processes == 1:
        return
    names = sorted(said)
    if _differ(accelerator, [names]):
        raise TrainingError(
            "the processes of this training do not run the same version of recurra: install the "
            "same one on every machine"
        )
    differing = _differ(accelerator, [said[name] for name in names])
    if differing:
        parts = ", ".join(names[k] for k in differing)
        raise TrainingError(
            f"the processes of this training differ in {parts}: start all with the same command, "
            "the same file and the same environment; OUT must lie where all of them can read it"
        )


def _differ(accelerator: Accelerator, values: list[Any]) -> list[int]:
    """The places at which the processes' values are not the same."""
    import torch

    digests = [hashlib.sha256(json_to_bytes(value, indent=None)).digest()[:8] for value in values]
    numbers = [int.from_bytes(digest, "big", signed=True) for digest in digests]
    mine = torch.tensor([numbers], device=accelerator.device)
    everyones = cast("torch.Tensor", accelerator.gather(mine))
    return [k for k in range(len(values)) if len(set(everyones[:, k].tolist())) > 1]
