"""One stream of a tagger: an observation in, and the tag of the step that has waited long enough.

answer = session.feed(observation)      # the tag of the step `lag` steps back, or none yet
rest = session.finish()                 # the tags of the steps that still wait
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from recurra.codecs import Label
from recurra.codecs.tags import TagCodec
from recurra.decode import Measured, TagDecoder
from recurra.errors import ObservationError, StateError
from recurra.runtime.network import Network
from recurra.runtime.record import Moment, check_record, checked_time
from recurra.runtime.slots import matching
from recurra.runtime.truths import Truths, accepted, truths_of
from recurra.spec.state import STATE_VERSION, SessionState

__all__ = ["TagAt", "TagSession"]

Array = npt.NDArray[Any]


class TagAt(NamedTuple):
    """What a step of a stream gives.

    Args:
        step: The step, from 0, that has its tag now; None: none yet.
        tag: Its tag.
        sure: Whatever comes, the whole sequence's answer will have this tag there.
        set: The tags that cannot be ruled out; None: the model has no sets, or no tag yet.
    """

    step: int | None
    tag: Label | None
    sure: bool
    set: tuple[Label, ...] | None = None


class TagSession:
    """A stream between a codec and a decoder; `TagModel.session` makes them.

    The tag of step t comes with observation t + lag: as the best path up to then has it. It is the
    tag that the whole sequence would get wherever `sure` says so, and always without a CRF and
    without a scheme. A refused observation leaves everything as it was. One thread at a time.

    Args:
        network: The model's network, shared by all its sessions.
        codec: Raw observations -> inputs.
        decoder: Scores -> tags, with the lag.
        row: Outputs that are the same at every step, by name.
        fingerprint: Of the model.
        truths: Of a model with sets; None: it has none.
    """

    def __init__(
        self,
        network: Network,
        codec: TagCodec,
        decoder: TagDecoder,
        row: Mapping[str, Array],
        fingerprint: str,
        truths: Truths | None = None,
    ) -> None:
        self._network, self._codec, self._decoder = network, codec, decoder
        self._row, self._fingerprint, self._truths = row, fingerprint, truths
        self._stream = network.stream(output=decoder.output)
        self._scores = (1, network.graph.signals()[decoder.output].size)
        self.restart()

    @property
    def lag(self) -> int:
        """Steps that a tag waits."""
        return self._decoder.lag

    def restart(self) -> None:
        """Forget the sequence: the next observation is the first.

        What truths have taught stays; tags that wait for theirs are given up.
        """
        self._steps = 0
        self._clock: float | None = None
        self._encoding: Mapping[str, Array] = self._codec.start()
        if self._truths is not None:
            self._truths.restart()
        self._stream.restart()
        self._decoding: Mapping[str, Array] = self._decoder.start()

    def feed(self, observation: Any, time: Moment | None = None) -> TagAt:
        """Take one observation.

        Args:
            observation: One token; or C finite numbers, or a mapping from feature to number.
            time: When it was made, a number or a date; not before the newest one. None: the clock
                stays.

        Raises:
            ObservationError: it cannot be used, or makes scores that are not finite. The session
                is as it was.
            StateError: another thread is in this session. The session is as it was.
        """
        if time is not None:
            time = checked_time(time, self._clock)
        inputs, encoding = self._codec.step(observation, time, self._encoding)
        given = inputs if len(inputs) > 1 else next(iter(inputs.values()))
        scores = self._stream.advance(given, np.empty(self._scores, self._network.dtype))
        if not np.isfinite(scores).all():
            raise ObservationError(
                f"observation {self._steps} makes scores that are no finite numbers: it was "
                "refused, the state kept"
            )
        outputs = {**self._row, self._decoder.output: scores}
        answer, decoding = self._decoder.step(outputs, self._decoding)
        self._stream.accept()
        self._encoding, self._decoding = encoding, decoding
        self._steps += 1
        self._clock = self._clock if time is None else time
        step, number, sure = answer[0].tolist()
        if step < 0:
            return TagAt(None, None, False)
        found = None
        if self._truths is not None:
            shares = self._decoder.waiting_probabilities(self._row, decoding)[0]
            found = self._set(shares, number)
            self._truths.answered(step, np.append(shares, number))
        return TagAt(step, self._codec.target.labels[number], bool(sure), found)

    def observe(self, y: Label, step: int | None = None) -> Measured:
        """Take the true tag of a step that has its answer.

        Whether the step's set, as it was given, held it is counted; a session with
        adapt="tracking" then widens or narrows those that come. A step has one truth.

        Args:
            y: The tag.
            step: Which step, from 0; among the newest `pending` ones that have their tag. None:
                the newest of these, which is `lag` steps before the newest observation.

        Returns:
            How many truths came, how many were held, and their share: measured, not promised.

        Raises:
            SpecError: the model was trained without a coverage.
            ObservationError: the step has no tag yet or its truth came, or y is no tag of the
                model's. The session is as it was.
        """
        return truths_of(self._truths).observe(y, step)

    @property
    def measured(self) -> Measured:
        """What `observe` returned last."""
        return truths_of(self._truths).measured

    def finish(self) -> list[TagAt]:
        """The tags of the steps that still wait, as the sequence that ends here has them.

        The session itself goes on as if nothing had been asked.
        """
        numbers = self._decoder.finish(self._row, self._decoding).tolist()
        first = self._steps - len(numbers)
        sets: list[tuple[Label, ...] | None] = [None] * len(numbers)
        if self._truths is not None and numbers:
            shares = self._decoder.waiting_probabilities(self._row, self._decoding, ended=True)
            sets = list(map(self._set, shares[-len(numbers) :], numbers))
        return [
            TagAt(first + k, self._codec.target.labels[number], True, found)
            for k, (number, found) in enumerate(zip(numbers, sets, strict=True))
        ]

    def _set(self, shares: Array, number: int) -> tuple[Label, ...]:
        """The tags of one step that cannot be ruled out."""
        limit = float(truths_of(self._truths).limits[0])
        (held,) = self._decoder.sets(shares[None], np.array([number]), limit)
        labels = self._codec.target.labels
        return tuple(labels[k] for k in np.flatnonzero(held))

    def state(self) -> SessionState:
        """Everything that the stream remembers, as a copy: a value to keep, move or hand back."""
        return SessionState(
            fingerprint=self._fingerprint,
            steps=self._steps,
            clock=self._clock,
            codec={name: np.array(slot) for name, slot in self._encoding.items()},
            nodes=self._stream.state(),
            decoder={name: np.array(slot) for name, slot in self._decoding.items()},
            calibrator={} if self._truths is None else self._truths.state(),
            version=STATE_VERSION,
        )

    def restore(self, state: SessionState) -> None:
        """Go on from where `state` was taken, in this process or another, with the same lag.

        Raises:
            StateError: it belongs to another model, version or lag, or is misshapen; the session
                is as it was.
        """
        check_record(state, self._fingerprint)
        encoding = matching(self._codec.start(), state.codec, "codec")
        decoding = matching(self._decoder.start(), state.decoder, "decoder")
        if not self._decoder.fits(decoding):
            raise StateError("the state's decoder slots hold tags or scores that do not exist")
        calibrating = accepted(self._truths, state.calibrator)
        self._stream.restore(state.nodes)
        if self._truths is not None:
            self._truths.restore(calibrating)
        self._steps, self._clock = state.steps, state.clock
        self._encoding, self._decoding = encoding, decoding

    def fork(self) -> TagSession:
        """A second stream that goes on from here on its own."""
        other = TagSession(self._network, self._codec, self._decoder, self._row, self._fingerprint)
        other._truths = None if self._truths is None else self._truths.fork()
        other._stream.restore(self._stream.state())
        # Shared, not copied: no slot of these is ever changed in place.
        other._encoding, other._decoding = self._encoding, self._decoding
        other._steps, other._clock = self._steps, self._clock
        return other
