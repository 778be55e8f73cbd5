"""Truncated back-propagation: where gradients are cut while the state goes on.

A sequence of T steps is read in windows. Each begins with the state that the one before has left,
through which no gradient flows (Williams & Peng 1990). What a pool has gathered from earlier
windows goes on with its gradient: every window learns from what it gave to the answer. A window's
inner values are thrown away and computed again when its gradient is taken (Chen et al. 2016,
arXiv:1604.06174), so what is held at once is one window's, however long the sequence is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from recurra.errors import SettingsError
from recurra.spec.nodes import Pool
from recurra.spec.settings import Settings, TrainingSettings
from recurra.spec.state import map_arrays

__all__ = ["Truncation", "in_windows", "shortest_of", "window_at"]


def shortest_of(settings: TrainingSettings) -> int:
    """The shortest window of a random or growing schedule; by default a quarter of the longest.

    Raises:
        SettingsError: it is longer than the longest.
    """
    shortest = settings.shortest_window
    if shortest is None:
        return max(1, settings.window // 4)
    if shortest > settings.window:
        raise SettingsError(
            f"shortest_window={shortest} is longer than window={settings.window}, the longest: "
            "take a smaller one"
        )
    return shortest


def window_at(epoch: int, settings: TrainingSettings) -> int:
    """The longest window of an epoch, counted from 1.

    growing: round(shortest + (window - shortest) * (epoch - 1) / (epochs - 1))
    fixed, random: window
    """
    if settings.window_schedule != "growing":
        return settings.window
    shortest = shortest_of(settings)
    passed = min(1.0, (epoch - 1) / max(1, settings.epochs - 1))
    return round(shortest + (settings.window - shortest) * passed)


@dataclass(frozen=True)
class Truncation:
    """Windows of whole sequences that have one answer.

    Args:
        window: Steps of a window.
        shortest: Where windows are random: their least steps; they have at most `window`.
    """

    window: int
    shortest: int | None = None

    @staticmethod
    def of(settings: Settings) -> Truncation | None:
        """As the settings ask for it; None: gradients flow through the whole sequence.

        Raises:
            SettingsError: a setting of windows without `truncated`, or one that contradicts it.
        """
        chosen, plain = settings.training, TrainingSettings()
        if not chosen.truncated:
            for name in ("window", "window_schedule", "shortest_window"):
                if getattr(chosen, name) != getattr(plain, name):
                    raise SettingsError(
                        f"{name}={getattr(chosen, name)!r} cuts back-propagation, and truncated is "
                        "off: set truncated=True, or leave it out"
                    )
            return None
        if settings.model.bidirectional:
            raise SettingsError(
                "truncated reads a sequence window by window from its beginning, and bidirectional "
                "from its end too: leave one out"
            )
        for name in ("activation_penalty", "temporal_penalty"):
            if getattr(chosen, name):
                raise SettingsError(
                    f"{name}={getattr(chosen, name)} needs the outputs of all steps at once, of "
                    "which truncated holds one window's: leave one out"
                )
        return Truncation(chosen.window).at(1, chosen)

    def at(self, epoch: int, settings: TrainingSettings) -> Truncation:
        """The windows of an epoch, counted from 1."""
        random = settings.window_schedule == "random"
        return Truncation(window_at(epoch, settings), shortest_of(settings) if random else None)

    def cuts(self, steps: int, *, drawn: bool) -> list[int]:
        """Where windows begin, and the end: 0 = c_0 < c_1 < ... = steps.

        Args:
            steps: T.
            drawn: Draw random lengths, from torch's generator; else all have `window` steps.
        """
        places = [0]
        while places[-1] < steps:
            size = self.window
            if drawn and self.shortest is not None:
                size = int(torch.randint(self.shortest, self.window + 1, ()))
            places.append(min(steps, places[-1] + size))
        return places


def in_windows(
    network: Any, inputs: Mapping[str, Tensor], lengths: Tensor, cuts: list[int]
) -> dict[str, Tensor]:
    """What a network puts out after the last window, the state carried from each to the next.

    Args:
        network: One graph, whose answer is a row.
        inputs: As its call takes them.
        lengths: Steps of each row, [B] int64.
        cuts: As `Truncation.cuts` gives them.
    """
    along = {name for name, signal in network.graph.inputs.items() if signal.axes == "steps"}
    pools = {step.name for step in network.graph.steps if isinstance(step.node, Pool)}
    state: Any = None
    outputs: dict[str, Tensor] = {}
    for begin, end in pairwise(cuts):
        window = {n: x[:, begin:end] if n in along else x for n, x in inputs.items()}
        counts = (lengths - begin).clamp(0, end - begin)

        def run(window: Any, state: Any, counts: Tensor) -> Any:
            return network(window, state, lengths=counts)

        if torch.is_grad_enabled():
            outputs, state = checkpoint(run, window, state, counts, use_reentrant=False)
        else:
            outputs, state = run(window, state, counts)
        # Copies: a slot may be a view of all outputs of its window, and would hold them.
        state = {
            name: map_arrays(Tensor.clone if name in pools else _cut_off, slots)
            for name, slots in state.items()
        }
    return outputs


def _cut_off(slot: Tensor) -> Tensor:
    return slot.detach().clone()
