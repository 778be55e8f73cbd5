"""One stream of rows: after each the forecast of what comes, and all that is remembered as a value.

The forecast after a row is, to the bit, the model's forecast from all rows so far. Each costs the
same: the window of the look-back is kept and read anew, or, where the codec says that the state is
carried on, one step is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs.forecast import ForecastCodec
from recurra.codecs.windows import Windows
from recurra.decode import Measured
from recurra.errors import ObservationError, StateError
from recurra.runtime.models.forecast_truths import ForecastTruths
from recurra.runtime.record import Moment, check_record, checked_time, has_zone
from recurra.runtime.slots import matching
from recurra.runtime.stream import Stream
from recurra.runtime.truths import accepted, truths_of
from recurra.spec.batch import Batch
from recurra.spec.state import SessionState

__all__ = ["ForecastSession"]

Array = npt.NDArray[Any]


class ForecastSession:
    """A stream of one series; `ForecastModel.session` makes them. One thread at a time.

    A refused row leaves everything as it was.

    Args:
        codec: Rows -> what the network reads.
        fingerprint: Of the model.
        forecast: The window, its batch of one, and what the network put out for it (None: it has
            to run) -> the forecast.
        stream: Steps the network where its state is carried on, else None.
        series: Whose scaling is taken.
        truths: Of a model with intervals; None: it has none.
    """

    def __init__(
        self,
        codec: ForecastCodec,
        fingerprint: str,
        forecast: Callable[[Windows, Batch, Array | None], Any],
        stream: Callable[[], Stream] | None,
        series: str = "",
        truths: ForecastTruths | None = None,
    ) -> None:
        self._codec, self._fingerprint, self._forecast = codec, fingerprint, forecast
        self._new_stream, self._series, self._truths = stream, series, truths
        self._stream = None if stream is None else stream()
        self.restart()

    def restart(self) -> None:
        """Forget the rows: the next one is the first.

        What truths have taught stays; forecasts that wait for theirs are given up.
        """
        self._steps = 0
        self._clock: float | None = None
        self._slots: Mapping[str, Array] = self._codec.start(self._series)
        if self._truths is not None:
            self._truths.restart()
        if self._stream is not None:
            self._stream.restart()

    def feed(self, observation: Any, time: Moment | None = None) -> Any:
        """Take one row.

        Args:
            observation: A number for each feature, or a mapping from feature to number; NaN, None
                or an absent name: not observed. Known covariates are those of `codec.lead` rows
                later.
            time: Its time, where training had dates a date or its seconds since 1970-01-01 UTC;
                None: the row after the newest one.

        Returns:
            The forecast from all rows so far, a `Forecast`.

        Raises:
            ObservationError: an infinity, another width, a time off the beat, a date with a zone
                where training had none or the reverse, or a forecast that is not finite. The
                session is as it was.
            StateError: another thread is in this session.
        """
        if time is not None:
            if not (self._codec.dated or isinstance(time, int | float | np.number)):
                raise ObservationError(
                    f"expected a finite number as time, as in training, got {time!r}"
                )
            self._check_zone(time)
            time = checked_time(time, self._clock)
        window, slots = self._codec.step(observation, time, self._slots)
        row, batch = None, window.collate([0])
        if self._stream is not None:
            row = self._stream.advance(batch.steps["x"][:, 0].copy())
        with np.errstate(over="ignore", invalid="ignore"):
            answer = self._forecast(window, batch, row)
            if self._truths is not None:
                answer = self._truths.widened(answer, batch.rows["scale"][0])
        if not np.isfinite(answer.values).all():
            raise ObservationError(
                f"row {self._steps} makes the forecast no finite number: it was refused, the state "
                "kept"
            )
        if self._stream is not None:
            self._stream.accept()
        self._slots = slots
        if self._truths is not None:
            self._truths.answered(self._steps, answer, batch.rows["scale"][0])
        self._steps += 1
        self._clock = self._clock if time is None else time
        return answer

    def _check_zone(self, time: Moment) -> None:
        """Refuse a date that may be an hour or more beside what training would call it."""
        has, wanted = has_zone(time), self._codec.zoned
        if has is None or wanted is None or has == wanted:
            return
        raise ObservationError(
            f"expected a date {'with' if wanted else 'without'} a time zone, as in training, got "
            f"{str(time)!r}: "
            + ("add its zone, +00:00 where it is in UTC" if wanted else "leave the zone out")
        )

    def observe(self, y: Any, step: int | None = None) -> Measured:
        """Take the truth of the row that comes next, ahead of feeding it.

        It is compared with what the newest forecast said of its first row ahead, with what the
        `pending` - 1 ones before said of their second row ahead, and so on. Whether the intervals
        held it is counted; a session with adapt="tracking" then widens or narrows those that come.

        Args:
            y: A number for each target, or a mapping from target to number; NaN, None or an absent
                name: not observed.
            step: Its number, from 0: that of the next row; None: as much.

        Returns:
            How many truths came (one a target and row ahead), how many were held, and their share:
            measured, not promised.

        Raises:
            SpecError: the model has no intervals.
            ObservationError: no forecast waits for this row, its truth came already, or y is no
                such row. The session is as it was.
        """
        if step is not None and step != self._steps:
            raise ObservationError(
                f"a truth belongs to the row that comes next, {self._steps}, got step {step!r}: "
                "observe each row ahead of feeding it"
            )
        return truths_of(self._truths).observe(y, self._steps)

    @property
    def measured(self) -> Measured:
        """What `observe` returned last."""
        return truths_of(self._truths).measured

    def measured_ahead(self, row: int) -> Measured:
        """As `measured`, of one row ahead, from 1 to `pending`.

        Raises:
            SpecError: the model has no intervals, or that row is not measured.
        """
        return truths_of(self._truths).measured_ahead(row)

    def state(self) -> SessionState:
        """Everything that the stream remembers, as a copy: a value to keep, move or hand back."""
        return SessionState(
            fingerprint=self._fingerprint,
            steps=self._steps,
            clock=self._clock,
            codec={name: np.array(slot) for name, slot in self._slots.items()},
            nodes={} if self._stream is None else self._stream.state(),
            calibrator={} if self._truths is None else self._truths.state(),
        )

    def restore(self, state: SessionState) -> None:
        """Go on from where `state` was taken, in this process or another.

        Raises:
            StateError: it belongs to another model or version, or is misshapen; the session is as
                it was.
        """
        check_record(state, self._fingerprint)
        slots = matching(self._codec.start(), state.codec, "codec")
        known = len(self._codec.scaling.shift)
        if int(slots["rows"][0]) < 0 or not 0 <= int(slots["series"][0]) < known:
            raise StateError("expected the rows seen and the series as whole numbers in range")
        matching({}, state.decoder, "decoder")
        calibrating = accepted(self._truths, state.calibrator)
        if self._stream is None:
            matching({}, state.nodes, "node")
        else:
            self._stream.restore(state.nodes)
        if self._truths is not None:
            self._truths.restore(calibrating)
        self._steps, self._clock, self._slots = state.steps, state.clock, slots

    def fork(self) -> ForecastSession:
        """A second stream that goes on from here on its own."""
        other = ForecastSession(
            self._codec,
            self._fingerprint,
            self._forecast,
            self._new_stream,
            self._series,
        )
        other._truths = None if self._truths is None else self._truths.fork()
        other.restore(self.state())
        return other
