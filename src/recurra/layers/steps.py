"""Which steps count: checks of `lengths`, `valid` and `starts` for the layers that are no cells."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.errors import DTypeError, ShapeError

__all__ = ["check_steps", "counted", "one_step", "zero_skipped"]


def check_steps(
    layer: str,
    batch: int,
    time: int,
    *,
    lengths: Tensor | None = None,
    valid: Tensor | None = None,
    starts: Tensor | None = None,
) -> None:
    """Check the axes and dtypes of what says which steps count.

    Raises:
        ShapeError: an axis differs from B or T.
        DTypeError: lengths are not int64, or valid or starts not bool.
    """
    for name, array, axes, shape, dtype in (
        ("lengths", lengths, "[B]", (batch,), torch.int64),
        ("valid", valid, "[B, T]", (batch, time), torch.bool),
        ("starts", starts, "[B, T]", (batch, time), torch.bool),
    ):
        if array is None:
            continue
        if array.shape != shape:
            raise ShapeError(f"{layer} expected {name} {axes} = {[*shape]}, got {[*array.shape]}")
        if array.dtype != dtype:
            raise DTypeError(f"{layer} expected {name} in {dtype}, got {array.dtype}; convert it")


def counted(x: Tensor, lengths: Tensor | None, valid: Tensor | None) -> Tensor | None:
    """True where a step is neither padding nor skipped, [B, T] bool; None: every step counts.

    Args:
        x: Anything [B, T, ...] on the device of the answer.
        lengths: [B] int64 or None.
        valid: [B, T] bool or None.
    """
    if lengths is None:
        return valid
    within = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
    return within if valid is None else within & valid


def zero_skipped(x: Tensor, counts: Tensor | None) -> Tensor:
    """x [B, T, I] with zeros where a step does not count."""
    # 0 * NaN is NaN: what must not be read is replaced, never multiplied away.
    return x if counts is None else torch.where(counts[:, :, None], x, 0.0)


def one_step(array: Tensor | None) -> Tensor | None:
    """[B, ...] -> [B, 1, ...]; None stays None."""
    return None if array is None else array.unsqueeze(1)
