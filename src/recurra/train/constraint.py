"""What named weights are kept to: a largest norm, a norm of 1, no negative value.

As a parametrisation (torch.nn.utils.parametrize) the network computes with

    max_norm:      w = v * min(1, c / |v|)
    unit_norm:     w = v / |v|
    non_negative:  w = |v|

of a free v, unit by unit (a unit is a row), and gradients flow through it: the constraint holds at
every moment, for averaged weights too. As a projection the step is made freely, and w is then put
back to the nearest allowed value, as Keras does (Srivastava et al. 2014, JMLR 15, section 5.1):

    max_norm, unit_norm as above with v = w;   non_negative:  w = max(w, 0)

Either way what is kept and written is w, plain. Source of unit_norm: Salimans & Kingma 2016,
arXiv:1602.07868, with a gain of 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from recurra.errors import SettingsError
from recurra.spec.settings import TrainingSettings

__all__ = ["Constraint", "own_weights", "plain_name", "plain_weights"]


class Constraint:
    """Keeps the weights that the settings name.

    Args:
        network: Whose weights; under a parametrisation its `state_dict` holds v.
        settings: `constraint`, `constrained`, `constrain_by`, `max_norm`.

    Raises:
        SettingsError: `constrained` names no weight of the network.
    """

    def __init__(self, network: nn.Module, settings: TrainingSettings) -> None:
        self._places: list[tuple[nn.Module, str]] = []
        self._kept: nn.Module | None = None
        if settings.constraint == "none":
            return
        projected = settings.constrain_by == "projection"
        self._kept = {
            "max_norm": _MaxNorm(settings.max_norm),
            "unit_norm": _UnitNorm(),
            "non_negative": _Clamped() if projected else _Absolute(),
        }[settings.constraint]
        named = {path: (module, name) for path, module, name in own_weights(network)}
        wanted = set(settings.constrained)
        lasts = {name for _, name in named.values()}
        for name in settings.constrained:
            if name not in lasts | set(named):
                raise SettingsError(
                    f"constrained names {name!r}, which is no weight of this network: give some "
                    f"of those that it has, {', '.join(sorted(lasts))}"
                )
        places = [place for path, place in named.items() if wanted & {path, place[1]}]
        if projected:
            self._places, self._parametrised = places, False
            return
        # One parameter under two names is parametrised under both, or one would read v.
        chosen = {id(getattr(module, name)) for module, name in places}
        self._places = [
            (module, name)
            for _, module, name in own_weights(network, shared=True)
            if id(getattr(module, name)) in chosen
        ]
        self._parametrised = True
        for module, name in self._places:
            parametrize.register_parametrization(module, name, self._kept)

    @torch.no_grad()
    def apply(self) -> None:
        """Project, where that is how weights are kept."""
        if self._kept is not None and not self._parametrised:
            for module, name in self._places:
                weight = getattr(module, name)
                weight.copy_(self._kept(weight))

    def settle(self) -> None:
        """Make the weights plain ones again, with the values that the network computes with."""
        if self._kept is not None and self._parametrised:
            for module, name in self._places:
                parametrize.remove_parametrizations(module, name, leave_parametrized=True)
        self._places, self._kept = [], None


def own_weights(
    network: nn.Module, *, shared: bool = False
) -> Iterator[tuple[str, nn.Module, str]]:
    """Path, module and name of each parameter as the layers know it, parametrised or not.

    Args:
        network: Whose.
        shared: One parameter of several layers comes once for each; else once.
    """
    seen: set[int] = set()
    for prefix, module in network.named_modules():
        names = dict(module.named_parameters(recurse=False))
        if parametrize.is_parametrized(module):
            lists: Any = module.parametrizations
            names |= {name: lists[name].original for name in lists}
        elif isinstance(module, parametrize.ParametrizationList):
            continue
        for name, parameter in names.items():
            if shared or id(parameter) not in seen:
                seen.add(id(parameter))
                yield (f"{prefix}.{name}" if prefix else name), module, name


def plain_name(name: str) -> str:
    """The path of a parameter, parametrised or not, as the graph names it."""
    return name.replace(".parametrizations.", ".").removesuffix(".original")


def plain_weights(network: nn.Module) -> dict[str, Tensor]:
    """The values that a network computes with, by the graph's paths."""
    kept: dict[int, Tensor] = {}
    for module in network.modules():
        if parametrize.is_parametrized(module):
            lists: Any = module.parametrizations
            kept |= {id(lists[name].original): getattr(module, name) for name in lists}
    state: Mapping[str, Any] = network.state_dict(keep_vars=True)
    return {plain_name(name): kept.get(id(v), v).detach() for name, v in state.items()}


def _norms(weight: Tensor) -> Tensor:
    axes = tuple(range(1, weight.ndim)) or (0,)
    norms: Tensor = torch.linalg.vector_norm(weight, dim=axes, keepdim=True)
    return norms


class _MaxNorm(nn.Module):
    def __init__(self, largest: float) -> None:
        super().__init__()
        self.largest = largest

    def forward(self, v: Tensor) -> Tensor:
        # A norm within the limit divides to exactly 1: the weight stays as it is.
        return v * (self.largest / _norms(v).clamp(min=self.largest))


class _UnitNorm(nn.Module):
    def forward(self, v: Tensor) -> Tensor:
        norms = _norms(v)
        # A row of zeros has no direction.
        return v / norms.where(norms > 0, torch.ones_like(norms))


class _Absolute(nn.Module):
    def forward(self, v: Tensor) -> Tensor:
        return v.abs()


class _Clamped(nn.Module):
    def forward(self, v: Tensor) -> Tensor:
        return v.clamp(min=0.0)
