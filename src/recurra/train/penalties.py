"""What is added to the loss, and what weights are kept to after a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from recurra.errors import SettingsError
from recurra.layers import Bidirectional, Embedding, Stack
from recurra.layers.abstract import AbstractRecurrent
from recurra.spec.settings import TrainingSettings

__all__ = ["Constraint", "Penalty"]

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
        kinds: dict[str, list[Tensor]] = {"kernel": [], "recurrent": [], "bias": []}
        tables = {
            id(p) for m in network.modules() if isinstance(m, Embedding) for p in m.parameters()
        }
        for name, parameter in network.named_parameters():
            last = name.rsplit(".", 1)[-1]
            if last == "recurrent_weight":
                kinds["recurrent"].append(parameter)
            elif last.endswith("bias"):
                kinds["bias"].append(parameter)
            elif last in _KERNELS and id(parameter) not in tables:
                kinds["kernel"].append(parameter)
        self._terms = [
            (getattr(settings, f"l1_{kind}"), getattr(settings, f"l2_{kind}"), parameters)
            for kind, parameters in kinds.items()
        ]
        self._outputs: list[Tensor] = []
        if settings.activation_penalty or settings.temporal_penalty:
            for layer in _outermost(network):
                layer.register_forward_hook(self._remember)

    def __call__(self) -> Tensor | None:
        """The penalty, None where there is none."""
        terms = [
            factor * norm(parameter)
            for l1, l2, parameters in self._terms
            for factor, norm in ((l1, _absolute), (l2, _squared))
            if factor
            for parameter in parameters
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


class Constraint:
    """Keeps named weights, unit by unit, to a norm or a sign; a unit is a row.

        max_norm:      w *= min(1, max_norm / |w|)
        unit_norm:     w /= |w|
        non_negative:  w = max(w, 0)

    The projection is made after each optimiser step, as Keras makes it (Srivastava et al. 2014).

    Args:
        network: Whose weights.
        settings: `constraint`, `constrained`, `max_norm`.

    Raises:
        SettingsError: `constrained` names no weight of the network.
    """

    def __init__(self, network: torch.nn.Module, settings: TrainingSettings) -> None:
        self._project = _PROJECTIONS.get(settings.constraint)
        self._largest = settings.max_norm
        if self._project is None:
            self._weights: list[Tensor] = []
            return
        named = dict(network.named_parameters())
        lasts = {name.rsplit(".", 1)[-1] for name in named} | set(named)
        for wanted in settings.constrained:
            if wanted not in lasts:
                raise SettingsError(
                    f"constrained names {wanted!r}, which is no weight of this network; it has "
                    f"{', '.join(sorted({name.rsplit('.', 1)[-1] for name in named}))}"
                )
        self._weights = [
            parameter
            for name, parameter in named.items()
            if name in settings.constrained or name.rsplit(".", 1)[-1] in settings.constrained
        ]

    @torch.no_grad()
    def apply(self) -> None:
        """Project all weights that are constrained."""
        if self._project is not None:
            for weight in self._weights:
                self._project(weight, self._largest)


def _norms(weight: Tensor) -> Tensor:
    axes = tuple(range(1, weight.ndim)) or (0,)
    norms: Tensor = torch.linalg.vector_norm(weight, dim=axes, keepdim=True)
    return norms


def _max_norm(weight: Tensor, largest: float) -> None:
    norms = _norms(weight)
    weight.mul_((largest / norms.clamp(torch.finfo(norms.dtype).tiny)).clamp(max=1.0))


def _unit_norm(weight: Tensor, largest: float) -> None:
    del largest
    norms = _norms(weight)
    weight.div_(norms.where(norms > 0, torch.ones_like(norms)))


def _non_negative(weight: Tensor, largest: float) -> None:
    del largest
    weight.clamp_(min=0.0)


_PROJECTIONS: Mapping[str, Callable[[Tensor, float], None]] = {
    "max_norm": _max_norm,
    "unit_norm": _unit_norm,
    "non_negative": _non_negative,
}


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
