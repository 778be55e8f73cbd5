"""Gradient clipping: by global norm, by value, by each unit's weights, or by the norms so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from recurra.errors import StateError
from recurra.spec.settings import TrainingSettings

__all__ = ["Clipper"]

# Norms that clip=auto remembers: a percentile of so many is steady, and a checkpoint stays small.
_REMEMBERED = 10_000
# As in the paper: weights that begin at zero must be able to leave it.
_SMALLEST_WEIGHT = 1e-3


class Clipper:
    """Clips the gradients of all parameters in place.

    norm: g *= min(1, clip_norm / |g|), |g| over all parameters (Pascanu et al. 2013,
        arXiv:1211.5063, algorithm 1).
    value: every component to [-clip_value, clip_value].
    adaptive: each unit's g *= min(1, clip_ratio * max(|w|, 1e-3) / |g|), a unit being a row of a
        weight or the whole of a bias (Brock et al. 2021, arXiv:2102.06171, eq. 3).
    auto: as norm, with the percentile of this and all former norms (Seetharaman et al. 2020,
        arXiv:2007.14469).

    Args:
        parameters: Whose gradients are clipped.
        settings: `clip` and what belongs to it.
    """

    def __init__(
        self, parameters: Sequence[torch.nn.Parameter], settings: TrainingSettings
    ) -> None:
        self._parameters, self._settings = list(parameters), settings
        self._norms: list[float] = []

    def __call__(self) -> tuple[float, bool]:
        """Clip; the global norm before, and whether anything was changed.

        A norm that is not finite is given back, and nothing is changed.
        """
        given = [p for p in self._parameters if p.grad is not None]
        how = self._settings.clip
        if how == "norm":
            largest = self._settings.clip_norm or math.inf
            norm = float(torch.nn.utils.clip_grad_norm_(given, largest))
            return norm, norm > largest
        gradients = [p.grad for p in given if p.grad is not None]
        norm = float(torch.nn.utils.get_total_norm(gradients))
        if not math.isfinite(norm):
            return norm, False
        if how == "value":
            largest = self._settings.clip_value
            clipped = any(bool((g.abs() > largest).any()) for g in gradients)
            torch.nn.utils.clip_grad_value_(given, largest)
            return norm, clipped
        if how == "adaptive":
            changed = [_clip_units(p, self._settings.clip_ratio) for p in given]
            return norm, any(changed)
        self._norms = [*self._norms[1 - _REMEMBERED :], norm]
        largest = float(np.percentile(self._norms, self._settings.clip_percentile))
        torch.nn.utils.clip_grads_with_norm_(given, largest, torch.tensor(norm))
        return norm, norm > largest

    def state(self) -> dict[str, torch.Tensor]:
        """What a checkpoint keeps of it."""
        return {"norms": torch.tensor(self._norms, dtype=torch.float64)} if self._norms else {}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from a former `state`.

        Raises:
            StateError: it is none.
        """
        if state.keys() - {"norms"}:
            raise StateError(f"the clipper does not know {sorted(state)}")
        self._norms = state["norms"].tolist() if "norms" in state else []


@torch.no_grad()
def _clip_units(parameter: torch.nn.Parameter, ratio: float) -> bool:
    gradient = parameter.grad
    assert gradient is not None  # only those were asked for
    axes = tuple(range(1, parameter.ndim)) or (0,)
    weight = torch.linalg.vector_norm(parameter, dim=axes, keepdim=True).clamp(_SMALLEST_WEIGHT)
    norm = torch.linalg.vector_norm(gradient, dim=axes, keepdim=True)
    share = (ratio * weight / norm.clamp(torch.finfo(norm.dtype).tiny)).clamp(max=1.0)
    gradient.mul_(share)
    return bool((share < 1).any())
