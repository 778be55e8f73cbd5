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
from recurra.errors import ObservationError, StateError
from recurra.runtime.record import check_record, checked_time
from recurra.runtime.slots import matching
from recurra.runtime.stream import Stream
from recurra.spec.state import SessionState

__all__ = ["ForecastSession"]

Array = npt.NDArray[Any]


class ForecastSession:
    """A stream of one series; `ForecastModel.session` makes them. One thread at a time.

    A refused row leaves everything as it was.

    Args:
        codec: Rows -> what the network reads.
        fingerprint: Of the model.
        forecast: The window, and what the network put out for it (None: it has to run) -> the
            forecast.
        stream: Steps the network where its state is carried on, else None.
        series: Whose scaling is taken.
    """

    def __init__(
        self,
        codec: ForecastCodec,
        fingerprint: str,
        forecast: Callable[[Windows, Array | None], Any],
        stream: Callable[[], Stream] | None,
        series: str = "",
    ) -> None:
        self._codec, self._fingerprint, self._forecast = codec, fingerprint, forecast
        self._new_stream, self._series = stream, series
        self._stream = None if stream is None else stream()
        self.restart()

    def restart(self) -> None:
        """Forget everything: the next row is the first."""
        self._steps = 0
        self._clock: float | None = None
        self._slots: Mapping[str, Array] = self._codec.start(self._series)
        if self._stream is not None:
            self._stream.restart()

    def feed(self, observation: Any, time: float | None = None) -> Any:
        """Take one row.

        Args:
            observation: A number for each feature, or a mapping from feature to number; NaN, None
                or an absent name: not observed. Known covariates are those of `codec.lead` rows
                later.
            time: Its time; None: the row after the newest one.

        Returns:
            The forecast from all rows so far, a `Forecast`.

        Raises:
            ObservationError: an infinity, another width, a time off the beat, or a forecast that is
                not finite. The session is as it was.
            StateError: another thread is in this session.
        """
        if time is not None:
            time = checked_time(time, self._clock)
        window, slots = self._codec.step(observation, time, self._slots)
        row = None
        if self._stream is not None:
            row = self._stream.advance(window.collate([0]).steps["x"][:, 0].copy())
        with np.errstate(over="ignore", invalid="ignore"):
            answer = self._forecast(window, row)
        if not np.isfinite(answer.values).all():
            raise ObservationError(
                f"row {self._steps} makes the forecast no finite number: it was refused, the state "
                "kept"
            )
        if self._stream is not None:
            self._stream.accept()
        self._slots = slots
        self._steps += 1
        self._clock = self._clock if time is None else time
        return answer

    def state(self) -> SessionState:
        """Everything that the stream remembers, as a copy: a value to keep, move or hand back."""
        return SessionState(
            fingerprint=self._fingerprint,
            steps=self._steps,
            clock=self._clock,
            codec={name: np.array(slot) for name, slot in self._slots.items()},
            nodes={} if self._stream is None else self._stream.state(),
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
        matching({}, state.calibrator, "calibrator")
        if self._stream is None:
            matching({}, state.nodes, "node")
        else:
            self._stream.restore(state.nodes)
        self._steps, self._clock, self._slots = state.steps, state.clock, slots

    def fork(self) -> ForecastSession:
        """A second stream that goes on from here on its own."""
        other = ForecastSession(
            self._codec, self._fingerprint, self._forecast, self._new_stream, self._series
        )
        other.restore(self.state())
        return other
