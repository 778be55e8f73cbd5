"""The truths of one stream, which come later than its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from recurra.decode.online import Adapt, Calibrator, Measured, Pending
from recurra.errors import SpecError
from recurra.runtime.slots import matching

__all__ = ["AbstractTruths", "Judge", "Truths", "accepted", "refuse_choices", "truths_of"]

Array = npt.NDArray[Any]
T = TypeVar("T", bound="AbstractTruths")
# Truth, the answer's numbers, the limits that held -> its scores, and whether these held it.
Judge = Callable[[Any, Array, Array], tuple[Array, Array]]


class AbstractTruths:
    """What a stream knows of its truths; the one part of a session that outlives a restart.

    Args:
        calibrator: Counts them, and moves limits.
    """

    def __init__(self, calibrator: Calibrator) -> None:
        self.calibrator = calibrator
        self._slots: Mapping[str, Array] = self.start()

    def start(self) -> dict[str, Array]:
        """The slots ahead of the first truth."""
        return self.calibrator.start()

    @property
    def limits(self) -> Array:
        """As they are now, [M]."""
        return self._slots["limits"]

    @property
    def measured(self) -> Measured:
        """What the truths so far say."""
        return self.calibrator.measured(self._slots)

    def restart(self) -> None:
        """A new sequence begins: no answer of the former one waits any more."""
        self._slots = self.calibrator.forgotten(self._slots)

    def state(self) -> dict[str, Array]:
        """The slots, as copies."""
        return {name: np.array(slot) for name, slot in self._slots.items()}

    def restore(self, slots: Mapping[str, Array]) -> None:
        """Go on from slots that `accepted` gave, or from those of another stream.

        They are shared, not copied: no slot is ever changed in place.
        """
        self._slots = slots


class Truths(AbstractTruths):
    """The truths of answers that have one each.

    Args:
        calibrator: Counts them, and moves limits.
        judge: Raises an ObservationError where a truth is none.
    """

    def __init__(self, calibrator: Calibrator, judge: Judge) -> None:
        super().__init__(calibrator)
        self.judge = judge

    def answered(self, step: int, answer: Array) -> None:
        """One more answer that waits for its truth."""
        self._slots = self.calibrator.answered(self._slots, step, answer)

    def observe(self, y: Any, step: int | None) -> Measured:
        """Judge the answer of a step; None: the newest."""
        found: Pending = self.calibrator.waiting(self._slots, step)
        scores, held = self.judge(y, found.answer, found.limits)
        after = self.calibrator.learnt(self._slots, scores, held)
        self._slots = self.calibrator.given_up(after, found.place)
        return self.measured

    def fork(self) -> Truths:
        """A second one that goes on from here on its own."""
        other = Truths(self.calibrator, self.judge)
        other.restore(self._slots)
        return other


def accepted(truths: AbstractTruths | None, given: Mapping[str, Array]) -> dict[str, Array]:
    """The calibrator's slots of a state, once they are seen to fit a session's truths.

    Raises:
        StateError: they do not.
    """
    wanted = {} if truths is None else truths.start()
    slots = matching(wanted, given, "calibrator")
    if truths is not None:
        truths.calibrator.check(slots)
    return slots


def truths_of(truths: T | None) -> T:
    """The truths of a session, which has some where its model has sets or intervals.

    Raises:
        SpecError: it has none.
    """
    if truths is None:
        raise _no_limits()
    return truths


def refuse_choices(adapt: Adapt | None, pending: int) -> None:
    """Refuse what a model without sets or intervals has no use for (SpecError)."""
    if adapt is not None or pending != 1:
        raise _no_limits()


def _no_limits() -> SpecError:
    return SpecError(
        "this model has no sets or intervals that truths could be compared with: classes, numbers, "
        "tags and forecasts have some where they are trained with coverage=0.9 or the like"
    )
