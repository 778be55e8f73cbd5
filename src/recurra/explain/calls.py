"""What the recurrent layers inside a module were called with, and what they put out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from recurra.explain.recurrence import Recurrence, RecurrentLayer
from recurra.layers import GRUD

__all__ = ["Recorded", "recorded"]


@dataclass(frozen=True)
class Recorded:
    """One call of one layer.

    Args:
        layer: GRU, LSTM, RNN, MinGRU or GRUD.
        inputs: What it read, [B, T, ...] each.
        state: With which it began, None: its own.
        steps: lengths, valid, starts, reverse, as it was given them.
        ends: Its outputs, then h (and c) after the last step, with their history.
    """

    layer: RecurrentLayer
    inputs: tuple[Tensor, ...]
    state: Any
    steps: Mapping[str, Any]
    ends: tuple[Tensor, ...]

    @property
    def reverse(self) -> bool:
        """Whether it read from the last step to the first."""
        return bool(self.steps.get("reverse", False))

    def recurrence(self, dtype: torch.dtype | None) -> Recurrence:
        """The call step by step, as `Recurrence` takes a dtype."""
        return Recurrence(self.layer, self.inputs, self.state, **self.steps, dtype=dtype)


@contextmanager
def recorded(module: nn.Module) -> Iterator[dict[str, list[Recorded]]]:
    """Evaluation mode for a while, in which each call of a recurrent layer is written down.

    Args:
        module: What is called inside the block; its modes are given back afterwards.

    Yields:
        Path of the layer -> its calls in their order; filled as they happen.
    """
    found: dict[str, list[Recorded]] = {}
    modes = {child: child.training for child in module.modules()}
    layers = {
        path: child for path, child in module.named_modules() if isinstance(child, RecurrentLayer)
    }
    inner = {path for path in layers if any(_inside(path, other) for other in layers)}
    hooks = [
        child.register_forward_hook(_recorder(found.setdefault(path, [])), with_kwargs=True)
        for path, child in layers.items()
        if path not in inner
    ]
    module.eval()
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
        for child, mode in modes.items():
            child.training = mode
        for path in [path for path, own in found.items() if not own]:
            del found[path]


def _inside(path: str, other: str) -> bool:
    """Whether one layer is part of another, as a GRUD's cell is."""
    return path != other and path.startswith(f"{other}." if other else "")


def _recorder(own: list[Recorded]) -> Any:
    def note(
        layer: RecurrentLayer, arguments: tuple[Any, ...], more: dict[str, Any], result: Any
    ) -> Any:
        given = dict(more)
        width = 3 if isinstance(layer, GRUD) else 1
        # The first inputs may have been given by name.
        names = ("x", "observed", "elapsed")[len(arguments) : width]
        inputs = (*arguments[:width], *(given.pop(name) for name in names))
        state = arguments[width] if len(arguments) > width else given.pop("state", None)
        y, end = result
        slots = [getattr(end, name) for name in ("h", "c") if hasattr(end, name)]
        if torch.is_grad_enabled():
            # A gradient with respect to a detached value would be none at all; and y may share its
            # memory with the state, while the two have gradients of their own.
            y = y if y.requires_grad else y.requires_grad_()
            slots = [slot if slot.requires_grad else slot.requires_grad_() for slot in slots]
        own.append(Recorded(layer, inputs, state, given, (y, *slots)))
        return None

    return note
