"""What a network costs where it runs: microseconds of one streaming step of its bundle."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recurra import runtime
from recurra.codecs import Cases, Timed

__all__ = ["step_us"]

# Steps of each bundle, taken in turns: enough for a median that moves by a few percent.
_STEPS, _TURNS = 300, 5


def step_us(bundles: Mapping[str, Path], cases: Cases) -> dict[str, float | None]:
    """The median microseconds of one observation, codec and decoder included, by name.

    The bundles take turns, so that a busy moment of the machine is nobody's own.

    Args:
        bundles: By name.
        cases: Whose observations are fed.

    Returns:
        None for a model that cannot run one step at a time, or not on such cases.
    """
    streams = {name: _Stream(runtime.load(folder), cases) for name, folder in bundles.items()}
    taken: dict[str, list[float]] = {name: [] for name in streams}
    for _ in range(_TURNS):
        for name, stream in streams.items():
            taken[name] += stream.seconds(_STEPS)
    return {
        name: statistics.median(seconds) * 1e6 if seconds else None
        for name, seconds in taken.items()
    }


class _Stream:
    """Sequences fed one after another to one session."""

    def __init__(self, model: Any, cases: Cases) -> None:
        self._sequences: list[list[tuple[Any, float | None]]] = []
        if model.why_not_streaming() is not None:
            return
        steps = 0
        for x in model.codec.raw(cases):
            observations = list(model.observations(x))
            times = x.times.tolist() if isinstance(x, Timed) else [None] * len(observations)
            self._sequences.append(list(zip(observations, times, strict=True)))
            steps += len(observations)
            if steps >= _STEPS or not observations:
                break
        if not steps:
            self._sequences = []
            return
        self._session = model.session()

    def seconds(self, steps: int) -> list[float]:
        """What each of about so many steps took."""
        taken: list[float] = []
        while self._sequences and len(taken) < steps:
            for sequence in self._sequences:
                self._session.restart()
                for observation, clock in sequence:
                    begin = time.perf_counter()
                    self._session.feed(observation, clock)
                    taken.append(time.perf_counter() - begin)
        return taken
