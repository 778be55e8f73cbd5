"""What the truth of a row says of the forecasts that were made ahead of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs.forecast import ForecastCodec
from recurra.decode import Adapt, Calibrator, Measured
from recurra.decode.forecast import ForecastDecoder
from recurra.errors import ObservationError, SpecError
from recurra.runtime.truths import AbstractTruths, refuse_choices

__all__ = ["ForecastTruths", "forecast_truths"]

Array = npt.NDArray[Any]


class ForecastTruths(AbstractTruths):
    """The truths of a stream of rows, each of which judges the newest forecasts.

    Args:
        calibrator: A limit for each of the first rows ahead and each target, row after row.
        codec: Names the targets.
    """

    def __init__(self, calibrator: Calibrator, codec: ForecastCodec) -> None:
        super().__init__(calibrator)
        self._codec = codec
        self._targets = len(codec.targets)

    def widened(self, answer: Any, scale: Array) -> Any:
        """A forecast with the intervals that the truths so far have made.

        Args:
            answer: A `Forecast` with the bundle's own intervals.
            scale: Of the targets, [A].
        """
        if self.calibrator.adapt == "none":
            return answer
        reach = self.limits.reshape(-1, self._targets) * scale
        values = answer.values.copy()
        rows = slice(0, len(reach))
        values[rows, :, 1] = values[rows, :, 0] - reach
        values[rows, :, 2] = values[rows, :, 0] + reach
        return replace(answer, values=values)

    def answered(self, step: int, answer: Any, scale: Array) -> None:
        """One more forecast that waits for its truths: points and intervals, and their scale."""
        kept = answer.values[: self.calibrator.pending][:, :, [0, 1, -1]]
        numbers = np.append(kept.ravel(), scale)
        self._slots = self.calibrator.answered(self._slots, step, numbers)

    def observe(self, y: Any, step: int) -> Measured:
        """Judge what the newest forecasts said of the row that comes as number `step`."""
        truth = self._row(y)
        slots, rows = self._slots, self.calibrator.pending
        steps = slots["steps"]
        scores = np.zeros((rows, self._targets))
        held, known = np.zeros(scores.shape, bool), np.zeros(scores.shape, bool)
        for place in np.flatnonzero(steps >= 0):
            # The forecast after row s says of row s + 1 in its first row.
            ahead = step - int(steps[place]) - 1
            if not 0 <= ahead < rows:
                continue
            parts = slots["answers"][place][: self.calibrator.width]
            point, low, high = parts[: -self._targets].reshape(rows, self._targets, 3)[ahead].T
            with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
                scores[ahead] = np.abs(truth - point) / parts[-self._targets :]
                held[ahead] = (low <= truth) & (truth <= high)
            known[ahead] = ~np.isnan(truth)
        if not (steps >= 0).any() or int(slots["observed"][0]) == step:
            raise ObservationError(
                "no forecast waits for the truth of this row: it came already, or no row was fed"
            )
        if not np.isfinite(scores[known]).all():
            raise ObservationError(
                f"the truth {y!r:.80} is too far from the forecast to be measured"
            )
        self._slots = {
            **self.calibrator.learnt(slots, scores.ravel(), held.ravel(), known.ravel()),
            "observed": np.array([step], np.int64),
        }
        return self.measured

    def measured_ahead(self, row: int) -> Measured:
        """What the truths so far say of one row ahead, from 1."""
        rows = self.calibrator.pending
        if isinstance(row, bool) or not isinstance(row, int) or not 1 <= row <= rows:
            raise SpecError(
                f"row expected 1 to {rows}, the rows ahead that this session measures (pending), "
                f"got {row!r}"
            )
        which = slice((row - 1) * self._targets, row * self._targets)
        return self.calibrator.measured(self._slots, which)

    def start(self) -> dict[str, Array]:
        """The slots ahead of the first row; `observed` is the row whose truth came last."""
        return {**self.calibrator.start(), "observed": np.full(1, -1, np.int64)}

    def restart(self) -> None:
        """A new series of rows begins: no forecast of the former one waits any more."""
        super().restart()
        self._slots = {**self._slots, "observed": self.start()["observed"]}

    def fork(self) -> ForecastTruths:
        """A second one that goes on from here on its own."""
        other = ForecastTruths(self.calibrator, self._codec)
        other.restore(self._slots)
        return other

    def _row(self, y: Any) -> Array:
        """The truth [A], NaN where not observed."""
        targets = self._codec.targets
        if isinstance(y, Mapping):
            unknown = [name for name in y if name not in targets]
            if unknown:
                raise ObservationError(
                    f"expected the targets {', '.join(targets)}, got {unknown[0]!r}"
                )
            y = [y.get(name) for name in targets]
        try:
            row = np.array(y, np.float64)
        except (TypeError, ValueError, OverflowError):
            row = np.zeros(0)
        row = row.reshape(1) if row.ndim == 0 else row
        if row.shape != (len(targets),) or np.isinf(row).any():
            raise ObservationError(
                f"expected {len(targets)} finite numbers ({', '.join(targets[:6])}), got {y!r:.80}"
            )
        return row


def forecast_truths(
    decoder: ForecastDecoder, codec: ForecastCodec, adapt: Adapt | None, pending: int
) -> ForecastTruths | None:
    """The truths of a stream of forecasts; None where they have no intervals.

    Args:
        decoder: With levels.
        codec: Of the model.
        adapt: Of the calibrator; None: "none".
        pending: Of the calibrator: so many rows ahead are measured.

    Raises:
        SpecError: something is to be adapted, and there is nothing.
    """
    if len(decoder.levels) < 2:
        refuse_choices(adapt, pending)
        return None
    if adapt == "tracking" and not decoder.margins:
        raise SpecError(
            f"adapt='tracking' moves the margins of points, and distribution="
            f"{decoder.distribution!r} says its own quantiles: train with distribution=point and "
            "coverage=0.9 or the like"
        )
    if not isinstance(pending, int) or not 1 <= pending <= codec.horizon:
        raise SpecError(
            f"pending expected 1 to {codec.horizon}, the rows ahead that are forecast, "
            f"got {pending!r}"
        )
    targets = len(codec.targets)
    limits = decoder.margins or (0.0,) * (codec.horizon * targets)
    calibrator = Calibrator(
        limits=tuple(limits[: pending * targets]),
        width=pending * targets * 3 + targets,
        pending=pending,
        adapt=adapt or "none",
        coverage=decoder.levels[-1] - decoder.levels[0],
    )
    return ForecastTruths(calibrator, codec)
