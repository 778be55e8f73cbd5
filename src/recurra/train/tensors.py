"""From the codec's numpy arrays to what a torch module takes."""

from __future__ import annotations

import torch

from recurra.spec.batch import Batch

__all__ = ["inputs_of", "lengths_of"]


def inputs_of(batch: Batch, dtype: torch.dtype, device: torch.device) -> dict[str, torch.Tensor]:
    """The step arrays by name: floats in `dtype`, tokens as they are."""
    tensors = {name: torch.from_numpy(array).to(device) for name, array in batch.steps.items()}
    return {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }


def lengths_of(batch: Batch, device: torch.device) -> torch.Tensor:
    """`lengths` [B] int64."""
    return torch.from_numpy(batch.lengths).to(device)
