"""The next symbol out of log-probabilities: temperature, top-k, top-p and a seed; stop strings.

Everything here works over `step(tokens, state) -> log-probabilities, state`, whoever computes it:
the runtime, or torch while a model is measured in training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.decode.greedy import StepFunction
from recurra.errors import SettingsError, ShapeError

__all__ = ["Sampler", "Sampling", "StopStrings", "generated"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Sampling:
    """How a symbol is drawn; in this order:

        q = softmax(log p / temperature)
        top_k: only the k most probable stay
        top_p: of these, renormalised, only the fewest most probable that hold top_p together stay
        one of them is drawn with probability q, renormalised

    Among equals the lower index counts as more probable.

    Args:
        temperature: Below 1 bolder, above 1 more varied; 0: always the most probable.
        top_k: 0: all.
        top_p: In (0, 1]; 1: all.
        seed: The same seed gives the same draws.

    Raises:
        SettingsError: a value is out of range.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not _is_number(self.temperature) or not 0 <= self.temperature < float("inf"):
            raise SettingsError(
                f"temperature expected a finite number of at least 0, got {self.temperature!r}"
            )
        if not _is_whole(self.top_k) or self.top_k < 0:
            raise SettingsError(f"top_k expected a whole number of at least 0, got {self.top_k!r}")
        if not _is_number(self.top_p) or not 0 < self.top_p <= 1:
            raise SettingsError(f"top_p expected a number in (0, 1], got {self.top_p!r}")
        if not _is_whole(self.seed) or not 0 <= self.seed < 2**32:
            raise SettingsError(
                f"seed expected a whole number from 0 below 2**32, got {self.seed!r}"
            )

    def probabilities(self, log_probabilities: Array) -> Array:
        """With which probability each symbol is drawn.

        Args:
            log_probabilities: [V], up to one common term; -inf where a symbol may not come.

        Returns:
            [V] float64, summing to 1.

        Raises:
            ShapeError: not [V] with at least one finite value and no NaN.
        """
        scores = np.array(log_probabilities, dtype=np.float64)
        if scores.ndim != 1 or not scores.size or not np.isfinite(scores.max()):
            raise ShapeError(
                f"sampling expected log-probabilities [V], at least one of them finite and none "
                f"NaN, got {list(scores.shape)} with the largest {scores.max(initial=-np.inf)}"
            )
        order = np.argsort(-scores, kind="stable")
        if self.temperature == 0:
            return _only(order[:1], np.ones(1), len(scores))
        with np.errstate(over="ignore"):
            # A tiny temperature sends all but the largest to -inf, as it should.
            powers = np.exp((scores[order] - scores[order[0]]) / self.temperature)
        if self.top_k:
            order, powers = order[: self.top_k], powers[: self.top_k]
        if self.top_p < 1:
            held = np.cumsum(powers) / powers.sum()
            count = int(np.searchsorted(held, self.top_p)) + 1
            order, powers = order[:count], powers[:count]
        return _only(order, powers / powers.sum(), len(scores))


class Sampler:
    """Draws for B rows; each row has its own randomness, so neighbours change nothing.

    Args:
        sampling: How to draw.
        rows: B.
    """

    def __init__(self, sampling: Sampling, rows: int) -> None:
        self.sampling = sampling
        self._random = [
            np.random.default_rng(np.random.SeedSequence([sampling.seed, row]))
            for row in range(rows)
        ]

    def __call__(self, log_probabilities: Array) -> Array:
        """One symbol a row: log-probabilities [B, V] -> tokens [B], int64."""
        if log_probabilities.ndim != 2 or len(log_probabilities) != len(self._random):
            raise ShapeError(
                f"the sampler expected log-probabilities [B={len(self._random)}, V], "
                f"got {list(log_probabilities.shape)}"
            )
        pairs = zip(log_probabilities, self._random, strict=True)
        return np.array([self._drawn(row, random) for row, random in pairs], dtype=np.int64)

    def frames(self, logits: Array) -> Array:
        """Independent yes and no instead of one of V: logits [B, W] -> bool [B, W].

        Each note sounds with probability sigmoid(logit / temperature); at temperature 0 where its
        probability exceeds one half.

        Raises:
            SettingsError: top_k or top_p, which choose among symbols, were given.
        """
        if self.sampling.top_k or self.sampling.top_p < 1:
            raise SettingsError("top_k and top_p choose among symbols: frames take neither")
        values = np.asarray(logits, dtype=np.float64)
        if self.sampling.temperature == 0:
            likely: Array = values > 0
            return likely
        drawn = np.stack([random.random(values.shape[1]) for random in self._random])
        # u < sigmoid(a) as a comparison of logits, which neither overflows nor rounds to 1.
        with np.errstate(divide="ignore", over="ignore"):
            sounding: Array = np.log(drawn) - np.log1p(-drawn) < values / self.sampling.temperature
        return sounding

    def _drawn(self, row: Array, random: np.random.Generator) -> int:
        chances = self.sampling.probabilities(row)
        if self.sampling.temperature == 0:
            return int(chances.argmax())
        held = np.cumsum(chances)
        token = int(np.searchsorted(held, random.random() * held[-1], side="right"))
        # Rounding may put the draw on the very end: the last symbol that can come is meant.
        return min(token, int(np.flatnonzero(chances)[-1]))


def generated(
    step: StepFunction, log_probabilities: Array, state: Any, sampling: Sampling
) -> Iterator[Array]:
    """Draw symbol after symbol without end; the caller stops.

    Args:
        step: Gives the next log-probabilities.
        log_probabilities: Of the first symbol, [B, V].
        state: What belongs to them.
        sampling: How to draw.

    Returns:
        Tokens [B], one array a step; the step after a symbol is taken only when the next is asked
        for.
    """
    sampler = Sampler(sampling, len(log_probabilities))
    while True:
        tokens = sampler(log_probabilities)
        yield tokens
        log_probabilities, state = step(tokens, state)


class StopStrings:
    """Lets a growing text out as soon as no part of it can belong to a stop string any more.

    Args:
        stops: Texts that end the generation; they are not given out themselves.

    Raises:
        SettingsError: one of them is empty or no text.
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        if isinstance(stops, str) or any(not isinstance(s, str) or not s for s in stops):
            raise SettingsError(f"stop expected a list of non-empty texts, got {stops!r}")
        self._stops = tuple(stops)
        self._held = ""
        self.stopped = False

    def feed(self, text: str) -> str:
        """What may be shown now that `text` has come; after a stop string nothing more is."""
        if self.stopped:
            return ""
        self._held += text
        found = [at for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            self.stopped = True
            shown, self._held = self._held[: min(found)], ""
            return shown
        keep = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        cut = len(self._held) - keep
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown

    def end(self) -> str:
        """What was held back when the text ends without a stop string."""
        shown, self._held = self._held, ""
        return shown


def _overlap(text: str, stop: str) -> int:
    """The longest end of `text` with which `stop` begins, not all of `stop`."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)


def _only(index: Array, chances: Array, count: int) -> Array:
    out = np.zeros(count)
    out[index] = chances
    return out


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
