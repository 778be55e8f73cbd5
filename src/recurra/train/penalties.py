"""What is added to the loss: norms of weights, and of what recurrent layers put out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.layers import Bidirectional, Embedding, Stack
from recurra.layers.abstract import AbstractRecurrent
from recurra.spec.settings import TrainingSettings
from recurra.train.constraint import own_weights

__all__ = ["Penalty"]

_KERNELS = ("weight", "input_weight")


class Penalty:
    """Everything that is added to the mean loss of a step.

        l1 * sum |w| + l2 * sum w^2          of kernels, recurrent kernels and biases, each its own
        activation_penalty * mean h^2        over the outermost recurrent outputs [B, T, H]
        temporal_penalty * mean (h_t - h_{t-1})^2

    The activations are those of the newest forward pass; padding takes part as the zeros that it
    is. Source of the last two: Merity et al. 2017, arXiv:1708.01009, section 4.6.

    Args:
        network: Whose weights and outputs.
        settings: The factors.
    """

    def __init__(self, network: torch.nn.Module, settings: TrainingSettings) -> None:
        self._settings = settings
        kinds: dict[str, list[tuple[torch.nn.Module, str]]]
        kinds = {"kernel": [], "recurrent": [], "bias": []}
        for _, module, name in own_weights(network):
            if name == "recurrent_weight":
                kinds["recurrent"].append((module, name))
            elif name.endswith("bias"):
                kinds["bias"].append((module, name))
            elif name in _KERNELS and not isinstance(module, Embedding):
                kinds["kernel"].append((module, name))
        self._terms = [
            (getattr(settings, f"l1_{kind}"), getattr(settings, f"l2_{kind}"), places)
            for kind, places in kinds.items()
        ]
        self._outputs: list[Tensor] = []
        if settings.activation_penalty or settings.temporal_penalty:
            for layer in _outermost(network):
                layer.register_forward_hook(self._remember)

    def __call__(self) -> Tensor | None:
        """The penalty, None where there is none."""
        terms = [
            factor * norm(getattr(module, name))
            for l1, l2, places in self._terms
            for factor, norm in ((l1, _absolute), (l2, _squared))
            if factor
            for module, name in places
        ]
        for h in self._outputs:
            if self._settings.activation_penalty:
                terms.append(self._settings.activation_penalty * h.square().mean())
            if self._settings.temporal_penalty and h.shape[1] > 1:
                terms.append(self._settings.temporal_penalty * h.diff(dim=1).square().mean())
        self._outputs = []
        return torch.stack([term.float() for term in terms]).sum() if terms else None

    def _remember(self, layer: torch.nn.Module, inputs: Any, result: Any) -> None:
        del inputs
        if layer.training:
            self._outputs.append(result[0])


def _absolute(weight: Tensor) -> Tensor:
    return weight.abs().sum()


def _squared(weight: Tensor) -> Tensor:
    return weight.square().sum()


def _outermost(network: torch.nn.Module) -> list[torch.nn.Module]:
    """The recurrent layers that are inside no other one."""
    found: list[torch.nn.Module] = []
    for child in network.children():
        if isinstance(child, Stack | Bidirectional | AbstractRecurrent):
            found.append(child)
        else:
            found += _outermost(child)
    return found
