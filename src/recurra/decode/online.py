"""Truths that come later than a stream's answers: how often sets and intervals held them, and
limits that follow what comes.

    measured coverage = truths held / truths that came
    tracking:  q <- q + rate * unit * (1[not held] - (1 - coverage))

q is the limit of a score: an answer's set or interval holds every truth whose score is at most q.
Tracking raises q where too few truths are held and lowers it, not below 0, where too many are.
Whatever comes, in any order, the share of truths that are held tends to at least the coverage as
their number grows; nothing is said of any one answer. Everything is a value of constant size: slots
in, slots out.

Source: Angelopoulos, Candes & Tibshirani 2023, arXiv:2307.16895, section 2.1 (quantile tracking),
after Gibbs & Candes 2021, arXiv:2106.00170.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from recurra.decode.decoder import Slots
from recurra.errors import ObservationError, SpecError, StateError

__all__ = ["Adapt", "Calibrator", "Measured", "Pending"]

Array = npt.NDArray[Any]
Adapt = Literal["none", "tracking"]
# The unit of a step, where scores have no bound, is the largest of about the last hundred.
_FADING = 0.99
_NONE = -1


class Measured(NamedTuple):
    """What the truths so far say.

    Args:
        truths: How many came.
        held: How many of them lay in their answer's set or interval.
        coverage: held / truths; NaN ahead of the first.
    """

    truths: int
    held: int
    coverage: float


class Pending(NamedTuple):
    """An answer whose truth may still come.

    Args:
        place: In the slots.
        step: After which observation it was given, from 0.
        answer: Its numbers, [W] float64.
        limits: Which held when it was given, [M] float64.
    """

    place: int
    step: int
    answer: Array
    limits: Array


@dataclass(frozen=True)
class Calibrator:
    """Counts truths against the sets or intervals of a stream's answers.

    Args:
        limits: M limits of scores as a bundle holds them.
        width: W, numbers of an answer.
        pending: Answers that are remembered until their truth comes, the newest ones.
        adapt: "none": the limits stay; "tracking": they follow the truths.
        coverage: Share of truths that tracking aims at; None: the bundle does not say it.
        rate: Of tracking: how much of the unit one truth moves a limit.
        bounded: Scores lie in [0, 1], which is the unit; else the largest of late is.

    Raises:
        SpecError: a choice out of range, or tracking without a coverage to aim at.
    """

    limits: tuple[float, ...]
    width: int
    pending: int = 1
    adapt: Adapt = "none"
    coverage: float | None = None
    rate: float = 0.05
    bounded: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.pending, int) or not 1 <= self.pending <= 2**20:
            raise SpecError(f"pending expected a whole number of answers >= 1, got {self.pending}")
        if self.adapt not in ("none", "tracking"):
            raise SpecError(f"adapt must be none or tracking, got {self.adapt!r}")
        if not 0 < self.rate <= 1:
            raise SpecError(f"rate expected a number in (0, 1], got {self.rate!r}")
        if self.adapt == "tracking" and self.coverage is None:
            raise SpecError(
                "adapt='tracking' aims at the coverage of training, which this model does not "
                "know: train it again with coverage=0.9 or the like"
            )

    def start(self) -> dict[str, Array]:
        """The slots of a stream without truths."""
        count = len(self.limits)
        limits = np.array(self.limits, np.float64)
        return {
            "limits": limits,
            "units": np.ones(count) if self.bounded else limits.copy(),
            "truths": np.zeros(count, np.int64),
            "held": np.zeros(count, np.int64),
            "steps": np.full(self.pending, _NONE, np.int64),
            "answers": np.zeros((self.pending, self.width + count)),
        }

    def forgotten(self, slots: Slots) -> dict[str, Array]:
        """The slots when a new sequence begins: no answer waits, what was measured stays."""
        fresh = self.start()
        return {**slots, "steps": fresh["steps"], "answers": fresh["answers"]}

    def answered(self, slots: Slots, step: int, answer: Array) -> dict[str, Array]:
        """One more answer that waits for its truth; the oldest is given up for it.

        Args:
            slots: What `start` or the call before gave.
            step: After which observation.
            answer: [W].
        """
        row = np.concatenate([np.asarray(answer, np.float64).ravel(), slots["limits"]])
        return {
            **slots,
            "steps": np.append(slots["steps"][1:], np.int64(step)),
            "answers": np.concatenate([slots["answers"][1:], row[None]]),
        }

    def waiting(self, slots: Slots, step: int | None = None) -> Pending:
        """The answer that a truth belongs to.

        Args:
            slots: Of the stream.
            step: After which observation it was given; None: the newest answer.

        Raises:
            ObservationError: there is none, its truth has come, or it is no longer remembered.
        """
        steps = slots["steps"]
        place = len(steps) - 1
        if step is not None:
            if isinstance(step, bool) or not isinstance(step, int | np.integer) or step < 0:
                raise ObservationError(f"expected a step as a whole number >= 0, got {step!r}")
            (places,) = np.nonzero(steps == step)
            if not len(places):
                raise ObservationError(
                    f"no answer of step {step} waits for its truth: it came already, the step has "
                    f"no answer yet, or it is not among the newest {self.pending} (pending)"
                )
            place = int(places[0])
        if steps[place] == _NONE:
            raise ObservationError(
                "no answer waits for its truth: feed an observation first; each answer has one "
                "truth, and a restart gives up those that wait"
            )
        row = slots["answers"][place]
        return Pending(place, int(steps[place]), row[: self.width], row[self.width :])

    def learnt(
        self, slots: Slots, scores: Array, held: Array, known: Array | None = None
    ) -> dict[str, Array]:
        """What truths teach, one of each limit.

        Args:
            slots: Of the stream.
            scores: [M]; the larger, the worse the answer was.
            held: Whether the set or interval held the truth, [M] bool.
            known: Which truths came, [M] bool; None: all.
        """
        known = np.ones(len(self.limits), bool) if known is None else known
        after = {
            **slots,
            "truths": slots["truths"] + known,
            "held": slots["held"] + (known & held),
        }
        if self.adapt == "none":
            return after
        assert self.coverage is not None  # as the constructor wants it
        units = slots["units"]
        if not self.bounded:
            units = np.where(
                known, np.maximum(np.where(known, scores, 0.0), _FADING * units), units
            )
        miss = (known & ~held) - known * (1.0 - self.coverage)
        limits = np.maximum(slots["limits"] + self.rate * units * miss, 0.0)
        return {**after, "units": units, "limits": limits}

    def given_up(self, slots: Slots, place: int) -> dict[str, Array]:
        """The slots once the truth of the answer at a place has come."""
        steps = slots["steps"].copy()
        steps[place] = _NONE
        return {**slots, "steps": steps}

    def measured(self, slots: Slots, which: int | slice = slice(None)) -> Measured:
        """What the truths so far say, of one limit or of several together."""
        truths = int(np.sum(slots["truths"][which]))
        held = int(np.sum(slots["held"][which]))
        return Measured(truths, held, held / truths if truths else math.nan)

    def check(self, slots: Slots) -> None:
        """Refuse slots of the right shapes that no stream can have (StateError)."""
        counts = slots["truths"], slots["held"]
        numbers = np.concatenate([slots["limits"], slots["units"], slots["answers"].ravel()])
        fits = (counts[1] >= 0).all() and (counts[1] <= counts[0]).all()
        fits &= bool(np.isfinite(numbers).all() and (slots["steps"] >= _NONE).all())
        if not fits:
            raise StateError("the state's calibrator slots hold counts or limits that cannot be")
        if self.adapt == "none" and (slots["limits"] != self.start()["limits"]).any():
            raise StateError(
                "the state is of a session whose limits follow the truths: make this one with "
                "adapt='tracking'"
            )
