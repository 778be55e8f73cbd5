"""One stream: an observation in, an answer out, and all that it remembers as a value.

The answer after an observation is, to the bit, the model's answer to the whole sequence so far.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs import SequenceCodec
from recurra.decode import AbstractDecoder, Measured
from recurra.errors import ObservationError
from recurra.runtime.network import Network
from recurra.runtime.record import Moment, check_record, checked_time
from recurra.runtime.slots import matching
from recurra.runtime.truths import Truths, accepted, truths_of
from recurra.spec.state import SessionState

__all__ = ["Session"]

Array = npt.NDArray[Any]


class Session:
    """A stream between a codec and a decoder; `Model.session` makes them.

    Each observation's new state is computed aside and taken over at the very end, so that a refused
    observation leaves everything as it was. One thread at a time.

    Args:
        network: The model's network, shared by all its sessions.
        codec: Raw observations -> inputs.
        decoder: Outputs -> answers.
        in_units: The decoder's answers -> answers in the target's unit.
        fingerprint: Of the model.
        truths: Of a model with sets or intervals; None: it has none.
    """

    def __init__(
        self,
        network: Network,
        codec: SequenceCodec,
        decoder: AbstractDecoder,
        in_units: Callable[[Array], Array],
        fingerprint: str,
        truths: Truths | None = None,
    ) -> None:
        self._network, self._codec, self._decoder = network, codec, decoder
        self._in_units = in_units
        self._fingerprint, self._truths = fingerprint, truths
        self._stream = network.stream(output=decoder.output)
        self._row = (1, network.graph.signals()[decoder.output].size)
        self.restart()

    def restart(self) -> None:
        """Forget the sequence: the next observation is the first.

        What truths have taught stays; answers that wait for theirs are given up.
        """
        self._steps = 0
        self._clock: float | None = None
        self._encoding: Mapping[str, Array] = self._codec.start()
        if self._truths is not None:
            self._truths.restart()
        self._stream.restart()
        first = self._codec.before_first()
        if first is not None:
            self._stream.feed(first)
        self._decoding: Mapping[str, Array] = self._decoder.start()

    def feed(self, observation: Any, time: Moment | None = None) -> Array:
        """Take one observation.

        Args:
            observation: Series: C finite numbers in the order of the features, or a mapping from
                feature to number. Where the model takes missing values, NaN, None and absent keys
                are such. Text: one symbol.
            time: When it was made, in the data's own unit, or a date, which counts in seconds as in
                files; not before the newest one. None: the
                stream's clock stays as it is; a model that was trained with times needs it
                where it stands in for missing values by mask or decay.

        Returns:
            Probabilities [K], or the value [], float64: the answer to the sequence so far.

        Raises:
            ObservationError: NaN where the model takes no missing values, an infinity, another
                width or type, a time that runs backwards or is needed, or an answer that is not
                finite. The session is as it was.
            StateError: another thread is in this session. The session is as it was.
        """
        if time is not None:
            time = checked_time(time, self._clock)
        inputs, encoding = self._codec.step(observation, time, self._encoding)
        # Of a single input the array alone: the native streams take nothing else.
        x = next(iter(inputs.values())) if len(inputs) == 1 else inputs
        row = self._stream.advance(x, np.empty(self._row, self._network.dtype))
        # What overflows is refused below.
        with np.errstate(over="ignore", invalid="ignore"):
            answers, decoding = self._decoder.step({self._decoder.output: row}, self._decoding)
            answer: Array = self._in_units(answers)[0]
        if not np.isfinite(answer).all():
            raise ObservationError(
                f"observation {self._steps} makes the model's answer {answer}, which is no finite "
                "number: it was refused, the state kept"
            )
        self._stream.accept()
        self._encoding, self._decoding = encoding, decoding
        if self._truths is not None:
            self._truths.answered(self._steps, answer)
        self._steps += 1
        self._clock = self._clock if time is None else time
        return answer

    def observe(self, y: Any, step: int | None = None) -> Measured:
        """Take the truth of an answer that was given before.

        Whether the answer's set or interval, as it was then, held it is counted; a session with
        adapt="tracking" then widens or narrows those that come. An answer has one truth.

        Args:
            y: The label, or the number in the target's unit, of the sequence up to `step`.
            step: After which observation the answer was given, from 0; among the newest `pending`
                ones. None: the newest.

        Returns:
            How many truths came, how many were held, and their share: measured, not promised.

        Raises:
            SpecError: the model was trained without a coverage.
            ObservationError: no such answer waits, or y is no label or number of the model's. The
                session is as it was.
        """
        return truths_of(self._truths).observe(y, step)

    @property
    def measured(self) -> Measured:
        """What `observe` returned last."""
        return truths_of(self._truths).measured

    @property
    def limit(self) -> float | None:
        """The doubt of a set or the margin of an interval as it is now; None: there is none."""
        return None if self._truths is None else float(self._truths.limits[0])

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
        )

    def restore(self, state: SessionState) -> None:
        """Go on from where `state` was taken, in this process or another.

        Raises:
            StateError: it belongs to another model or version, or is misshapen; the session is as
                it was.
        """
        check_record(state, self._fingerprint)
        encoding = matching(self._codec.start(), state.codec, "codec")
        decoding = matching(self._decoder.start(), state.decoder, "decoder")
        calibrating = accepted(self._truths, state.calibrator)
        self._stream.restore(state.nodes)
        if self._truths is not None:
            self._truths.restore(calibrating)
        self._steps, self._clock = state.steps, state.clock
        self._encoding, self._decoding = encoding, decoding

    def fork(self) -> Session:
        """A second stream that goes on from here on its own."""
        other = Session(
            self._network,
            self._codec,
            self._decoder,
            self._in_units,
            self._fingerprint,
        )
        other._truths = None if self._truths is None else self._truths.fork()
        other._stream.restore(self._stream.state())
        # Shared, not copied: no slot of these is ever changed in place.
        other._encoding, other._decoding = self._encoding, self._decoding
        other._steps, other._clock = self._steps, self._clock
        return other
