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
from recurra.decode import TagDecoder
from recurra.errors import ObservationError, StateError
from recurra.runtime.network import Network
from recurra.runtime.record import check_record, checked_time
from recurra.runtime.slots import matching
from recurra.spec.state import STATE_VERSION, SessionState

__all__ = ["TagAt", "TagSession"]

Array = npt.NDArray[Any]


class TagAt(NamedTuple):
    """What a step of a stream gives.

    Args:
        step: The step, from 0, that has its tag now; None: none yet.
        tag: Its tag.
        sure: Whatever comes, the whole sequence's answer will have this tag there.
    """

    step: int | None
    tag: Label | None
    sure: bool


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
    """

    def __init__(
        self,
        network: Network,
        codec: TagCodec,
        decoder: TagDecoder,
        row: Mapping[str, Array],
        fingerprint: str,
    ) -> None:
        self._network, self._codec, self._decoder = network, codec, decoder
        self._row, self._fingerprint = row, fingerprint
        self._stream = network.stream(output=decoder.output)
        self._scores = (1, network.graph.signals()[decoder.output].size)
        self.restart()

    @property
    def lag(self) -> int:
        """Steps that a tag waits."""
        return self._decoder.lag

    def restart(self) -> None:
        """Forget everything: the next observation is the first."""
        self._steps = 0
        self._clock: float | None = None
        self._encoding: Mapping[str, Array] = self._codec.start()
        self._stream.restart()
        self._decoding: Mapping[str, Array] = self._decoder.start()

    def feed(self, observation: Any, time: float | None = None) -> TagAt:
        """Take one observation.

        Args:
            observation: One token; or C finite numbers, or a mapping from feature to number.
            time: When it was made; not before the newest one. None: the clock stays.

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
        return TagAt(step, self._codec.target.labels[number], bool(sure))

    def finish(self) -> list[TagAt]:
        """The tags of the steps that still wait, as the sequence that ends here has them.

        The session itself goes on as if nothing had been asked.
        """
        numbers = self._decoder.finish(self._row, self._decoding).tolist()
        first = self._steps - len(numbers)
        return [
            TagAt(first + k, self._codec.target.labels[number], True)
            for k, number in enumerate(numbers)
        ]

    def state(self) -> SessionState:
        """Everything that the stream remembers, as a copy: a value to keep, move or hand back."""
        return SessionState(
            fingerprint=self._fingerprint,
            steps=self._steps,
            clock=self._clock,
            codec={name: np.array(slot) for name, slot in self._encoding.items()},
            nodes=self._stream.state(),
            decoder={name: np.array(slot) for name, slot in self._decoding.items()},
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
        matching({}, state.calibrator, "calibrator")
        self._stream.restore(state.nodes)
        self._steps, self._clock = state.steps, state.clock
        self._encoding, self._decoding = encoding, decoding

    def fork(self) -> TagSession:
        """A second stream that goes on from here on its own."""
        other = TagSession(self._network, self._codec, self._decoder, self._row, self._fingerprint)
        other._stream.restore(self._stream.state())
        # Shared, not copied: no slot of these is ever changed in place.
        other._encoding, other._decoding = self._encoding, self._decoding
        other._steps, other._clock = self._steps, self._clock
        return other
