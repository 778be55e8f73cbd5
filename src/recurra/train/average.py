"""The moving average of the weights: smoother than the weights of any one step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from recurra.errors import StateError

__all__ = ["Average"]


class Average:
    """Follows a network's weights.

        a = d * a + (1 - d) * w after every optimiser step,  d = min(decay, (1 + s) / (10 + s))

    s counts the steps, so that the first weights, which mean nothing, are soon forgotten.

    Args:
        network: Whose weights.
        decay: Of the average; 0: there is none, and everything here does nothing.

    Source: Polyak & Juditsky 1992; the warm-up of d as in TensorFlow's ExponentialMovingAverage.
    """

    def __init__(self, network: torch.nn.Module, decay: float) -> None:
        self._network, self._decay = network, decay
        self._steps = 0
        self._weights: dict[str, torch.Tensor] = {}
        if decay:
            self._weights = {
                name: value.detach().clone() for name, value in network.state_dict().items()
            }

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights of the step that was just made."""
        if not self._decay:
            return
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        for name, value in self._network.state_dict().items():
            self._weights[name].lerp_(value, 1.0 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """While it lasts the network has the averaged weights."""
        if not self._decay:
            yield
            return
        own = {name: value.clone() for name, value in self._network.state_dict().items()}
        self._network.load_state_dict(self._weights)
        try:
            yield
        finally:
            self._network.load_state_dict(own)

    def state(self) -> dict[str, torch.Tensor]:
        """What a checkpoint keeps of it."""
        if not self._decay:
            return {}
        return {"steps": torch.tensor(self._steps), **self._weights}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from a former `state`.

        Raises:
            StateError: it is of another network.
        """
        if state.keys() != self.state().keys():
            raise StateError("the averaged weights are those of another network")
        if self._decay:
            self._steps = int(state["steps"])
            for name, value in self._weights.items():
                value.copy_(state[name])
