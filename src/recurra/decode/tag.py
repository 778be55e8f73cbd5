"""Scores of steps and of neighbouring tags -> the best tags that a scheme allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from recurra.decode.calibrate import conformal_sets
from recurra.decode.decoder import AbstractDecoder, Array, Slots, check_coverage
from recurra.decode.viterbi import (
    Potentials,
    advance,
    best_paths,
    marginals,
    path_score,
    reached,
    smoothed,
    traced,
    unfold,
)
from recurra.errors import ShapeError, SpecError
from recurra.spec.schemes import SCHEMES, Rules, Scheme, rules

__all__ = ["NONE_YET", "TagDecoder"]

# Of a stream: no step has its tag yet.
NONE_YET = -1


@dataclass(frozen=True, kw_only=True)
class TagDecoder(AbstractDecoder):
    """Scores [B, T, K] -> tags [B, T]: the path of the highest score that the scheme allows.

    Without a CRF the score of a path is the sum of its steps' log-probabilities. Among equal paths
    the lowest tag wins, at the last step first.

    In a stream the tag of step t is given `lag` steps later, as the best path up to then has it.
    Where all paths that may still win agree on it, it is sure: whatever comes, the tags of the
    whole sequence will have it at t.

    Args:
        tags: Their names, K of them, rising.
        scheme: Which spans they spell; impossible ones are never answered.
        potentials: Output of the graph that holds a CRF's row [K * (K + 2)]; "": there is no CRF.
        lag: Steps that a stream's answer waits.
        doubt: A tag belongs to a step's set where 1 - p is at most this, p given the whole
            sequence, in a stream given the steps so far; None: no sets.
        coverage: Share of the steps that `doubt` was chosen for; None: not known.
    """

    kind: ClassVar[str] = "tags"
    tags: tuple[str, ...]
    scheme: Scheme = "none"
    potentials: str = ""
    lag: int = 0
    doubt: float | None = None
    coverage: float | None = None

    def __post_init__(self) -> None:
        names = tuple(self.tags) if isinstance(self.tags, list | tuple) else ()
        object.__setattr__(self, "tags", names)
        if len(names) < 2 or not all(isinstance(tag, str) and tag for tag in names):
            raise SpecError(f"decoder: tags must be at least two texts, got {self.tags!r}")
        if len(set(names)) != len(names):
            raise SpecError("decoder: tags must differ from one another")
        if self.scheme not in SCHEMES:
            raise SpecError(f"decoder: scheme must be one of {', '.join(SCHEMES)}")
        if not isinstance(self.potentials, str):
            raise SpecError(f"decoder: potentials must be a text, got {self.potentials!r}")
        if not isinstance(self.lag, int) or isinstance(self.lag, bool) or not 0 <= self.lag <= 4096:
            raise SpecError(f"decoder: lag must be a whole number up to 4096, got {self.lag!r}")
        doubt = self.doubt
        real = isinstance(doubt, int | float) and not isinstance(doubt, bool)
        if doubt is not None and not (real and 0 <= doubt <= 1):
            raise SpecError(f"decoder: doubt must be in [0, 1] or null, got {doubt!r}")
        check_coverage(self.coverage, of=doubt)
        start, follow, end = self._rules
        # Then there is a path of every length.
        if not (start & end & follow.diagonal()).any():
            raise SpecError(f"decoder: no tag of {names} may stand alone in {self.scheme}")

    def decode(self, outputs: Mapping[str, Array]) -> Array:
        """Tags [B, T], int64, of sequences that all have T steps."""
        scores = outputs[self.output]
        return self.paths(outputs, np.full(len(scores), scores.shape[1], np.int64))

    def paths(self, outputs: Mapping[str, Array], lengths: Array) -> Array:
        """Tags [B, T], int64; 0 beyond `lengths` [B]."""
        scores = self._scores(outputs)
        if not len(scores):
            return np.zeros(scores.shape[:2], np.int64)
        return best_paths(scores, self._potentials(outputs), lengths)

    def probabilities(self, outputs: Mapping[str, Array], length: int) -> Array:
        """The probability of each tag at each step of one sequence, [T, K], given all its steps.

        Args:
            outputs: Of that sequence alone, B = 1.
            length: T.
        """
        scores = self._scores(outputs)[0, :length]
        return marginals(scores, self._potentials(outputs))[0]

    def evidence(self, outputs: Mapping[str, Array], length: int) -> Array:
        """What decides about one sequence as numbers that no tie makes jump.

        Returns:
            [T * K + 1]: the probabilities, and the mean of the log-probability of the answer over
            the steps.
        """
        scores, potentials = self._scores(outputs)[0, :length], self._potentials(outputs)
        shares, total = marginals(scores, potentials)
        path = best_paths(scores[None], potentials, np.array([length]))[0]
        mean = (path_score(scores, potentials, path) - total) / length
        return np.append(shares.ravel(), mean)

    def start(self) -> Slots:
        """Scores of the paths so far, where each of the last `lag` steps came from, steps seen.

        With sets also the scores of the steps that wait, and those of all paths to their tags.
        """
        count = len(self.tags)
        slots = {
            "scores": np.zeros(count),
            "before": np.zeros((self.lag, count), np.int64),
            "seen": np.zeros((), np.int64),
        }
        if self.doubt is not None:
            slots |= {name: np.zeros((self.lag + 1, count)) for name in ("reached", "emissions")}
        return slots

    def step(self, outputs: Mapping[str, Array], slots: Slots) -> tuple[Array, Slots]:
        """One more step.

        Args:
            outputs: Scores [1, K], and the potentials' row where there is a CRF.
            slots: What `start` or the step before gave.

        Returns:
            [1, 3] int64: the step that has its tag now (-1: none yet), the tag, 1 if it is sure;
            and the new slots.
        """
        scores = self._scores({**outputs, self.output: outputs[self.output][:, None]})[:, 0]
        seen, potentials = int(slots["seen"]), self._potentials(outputs)
        after, before = advance(slots["scores"][None] if seen else None, scores, potentials)
        window = np.concatenate([slots["before"], before])[1:] if self.lag else slots["before"]
        new = {"scores": after[0], "before": window, "seen": np.array(seen + 1, np.int64)}
        if self.doubt is not None:
            newest = reached(slots["reached"][-1] if seen else None, scores[0], potentials)
            new["reached"] = np.concatenate([slots["reached"][1:], newest[None]])
            new["emissions"] = np.concatenate([slots["emissions"][1:], scores])
        if seen < self.lag:
            return np.array([[NONE_YET, 0, 0]]), new
        alive = np.flatnonzero(np.isfinite(after[0]))
        tags = traced(np.array([after[0].argmax(), *alive]), window)[0]
        # Where neighbours do not matter no later step can change a tag.
        sure = (not self.potentials and self.scheme == "none") or bool((tags == tags[0]).all())
        return np.array([[seen - self.lag, tags[0], sure]], np.int64), new

    def finish(self, outputs: Mapping[str, Array], slots: Slots) -> Array:
        """The tags of the steps that still wait when a stream ends, [N] int64, N <= lag.

        With the end's own scores, so these are the tags that the whole sequence has there.
        """
        seen = int(slots["seen"])
        waiting = min(seen, self.lag)
        if not waiting:
            return np.zeros(0, np.int64)
        last = np.array([(slots["scores"] + self._potentials(outputs).end).argmax()])
        return traced(last, slots["before"][len(slots["before"]) - waiting :])[1:, 0]

    def waiting_probabilities(
        self, outputs: Mapping[str, Array], slots: Slots, *, ended: bool = False
    ) -> Array:
        """Of a stream with sets: the probability of each tag at the newest steps.

        Args:
            outputs: The potentials' row where there is a CRF.
            slots: What `step` gave.
            ended: Whether no more steps come: the probabilities are then those of the whole.

        Returns:
            [min(seen, lag + 1), K]; the first is the step that `step` gave a tag, if it gave one.
        """
        count = min(int(slots["seen"]), self.lag + 1)
        ahead, scores = (slots[name][self.lag + 1 - count :] for name in ("reached", "emissions"))
        return smoothed(ahead, scores, self._potentials(outputs), ended=ended)

    def sets(self, probabilities: Array, tags: Array, doubt: float | None = None) -> Array:
        """Which tags cannot be ruled out, [T, K] bool; the step's own always belongs to them.

        Args:
            probabilities: Of each step, [T, K].
            tags: The answer, [T].
            doubt: Instead of the decoder's own, as a stream has it.

        Raises:
            SpecError: the model was trained without a coverage.
        """
        return conformal_sets(probabilities, tags, self.doubt if doubt is None else doubt)

    def lagging(self, lag: int) -> TagDecoder:
        """The same decoder with another lag."""
        return replace(self, lag=lag)

    def fits(self, slots: Slots) -> bool:
        """Whether slots of the right shapes hold what a stream's can: no NaN, tags that exist."""
        before = slots["before"]
        within = not before.size or (before.min() >= 0 and before.max() < len(self.tags))
        scores = [slot for name, slot in slots.items() if name not in ("before", "seen")]
        numbers = not any(np.isnan(slot).any() for slot in scores)
        return bool(within and slots["seen"] >= 0 and numbers)

    @cached_property
    def _rules(self) -> Rules:
        return rules(self.tags, self.scheme)

    def _scores(self, outputs: Mapping[str, Array]) -> Array:
        """The decoded output as float64 [B, T, K]: a CRF's scores, or log-probabilities."""
        values = outputs[self.output]
        if values.ndim != 3 or values.shape[2] != len(self.tags):
            raise ShapeError(
                f"tags decoder expected {self.output} [B, T, {len(self.tags)}], got "
                f"{list(values.shape)}: the graph and the decoder belong to different models"
            )
        scores: Array = np.ascontiguousarray(values, np.float64)
        return scores

    def _potentials(self, outputs: Mapping[str, Array]) -> Potentials:
        start, follow, end = self._rules
        count = len(self.tags)
        row: Any = np.zeros(count * (count + 2))
        if self.potentials:
            row = outputs[self.potentials][0]
        own = unfold(row, count)
        return Potentials(
            np.where(start, own.start, -np.inf),
            np.where(follow, own.follow, -np.inf),
            np.where(end, own.end, -np.inf),
        )
