"""What is happening around a call: compilation, function transforms, forward mode.

All three answers can be traced by torch.compile without breaking its graph.
"""

from __future__ import annotations

import torch
from torch.autograd import forward_ad

__all__ = ["compiling", "forward_mode", "transformed"]


def compiling() -> bool:
    """Whether torch.compile or torch.export traces this call: values cannot be looked at."""
    return torch.compiler.is_compiling()


def transformed() -> bool:
    """Whether a transform of torch.func (grad, vmap, jvp, ...) is active."""
    depth: int = torch._C._functorch.get_dynamic_layer_stack_depth()
    return depth > 0


def forward_mode() -> bool:
    """Whether tensors may carry tangents: forward-mode differentiation is active."""
    return forward_ad._current_level >= 0
