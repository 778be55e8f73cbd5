"""Series -> windows to forecast from, one row at a time too; forecasts back into the series' units.

A raw case is a `History`: rows of the targets, the past-only and the known covariates, in this
order. Known covariates and the calendar are read `lead` rows ahead, for their future is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from recurra.codecs import forecast_stream
from recurra.codecs.abstract import AbstractCodec
from recurra.codecs.calendar import Frequency, calendar_features, regular
from recurra.codecs.cases import Cases, Columns
from recurra.codecs.forecast_beat import check_beat
from recurra.codecs.forecast_holes import CARRIED, Holes, carried_on, moved_up
from recurra.codecs.forecast_json import codec_from_tree, codec_to_tree
from recurra.codecs.scaling import Normalise, Scaling
from recurra.codecs.windows import Cut, Track, Windows
from recurra.errors import BundleError, DataError, ShapeError
from recurra.spec.counted import counted
from recurra.spec.node import Signal

__all__ = ["ForecastCodec", "History"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class History:
    """One series as it is known so far.

    Args:
        values: Columns in the order of the codec's features, [T, F] float64; NaN: not observed.
            With known covariates the last rows may be the future: all else in them is NaN.
        times: [T] float64 where the model has a clock; None: rows are counted.
        series: Its name; "" where there is but one.
    """

    values: Array
    times: Array | None = None
    series: str = ""


@dataclass(frozen=True)
class ForecastCodec(AbstractCodec):
    """Frozen after fitting; learns from the training part only.

    Args:
        targets: Columns to forecast.
        past: Covariates whose future is not known.
        known: Covariates whose future is known.
        calendar: Calendar features, names of `calendar.CALENDAR`.
        roles: Roles of the training table's columns; None where there was no table.
        lookback: Most rows of history that a forecast reads.
        horizon: Rows ahead that it gives.
        segment: Rows of one step of the network.
        channels: "joint" or "separate", as `windows.Cut` says.
        recursive: The network gives one segment ahead, and forecasts are read again as history.
        carried: A stream carries the network's state on, rather than read its window anew; only
            where a segment is one row, no window is normalised and nothing is read twice.
        normalise: Of each window by its own rows.
        scaling: Of every column.
        frequency: Distance of the rows; None: rows are counted.
        dated: Times are seconds since 1970-01-01 UTC.
        season: Rows after which things tend to come again.
        naive_error: The mean absolute error of the seasonal naive forecast over the training part,
            of each series and over all of them, a number a target; MASE is measured in it.
        missing: What stands in for what was not observed of targets and past covariates; known ones
            are carried on.
        dtype: Of what comes out.
        zoned: The dates of training named their time zone; None: there were none, or not known.
    """

    kind: ClassVar[str] = "forecast"
    targets: tuple[str, ...]
    past: tuple[str, ...]
    known: tuple[str, ...]
    calendar: tuple[str, ...]
    roles: Columns | None
    lookback: int
    horizon: int
    segment: int
    channels: Literal["joint", "separate"]
    recursive: bool
    carried: bool
    normalise: Normalise
    scaling: Scaling
    frequency: Frequency | None
    dated: bool
    season: int
    naive_error: tuple[tuple[float, ...], ...]
    missing: Holes = CARRIED
    dtype: Literal["float32", "float64"] = "float32"
    zoned: bool | None = None

    @property
    def task(self) -> str:
        """ "forecast"."""
        return self.kind

    @property
    def columns(self) -> Columns | None:
        """Roles of the training table's columns."""
        return self.roles

    @property
    def features(self) -> tuple[str, ...]:
        """All columns that a series has."""
        return (*self.targets, *self.past, *self.known)

    @property
    def ahead(self) -> int:
        """Rows that the network gives at once."""
        return self.segment if self.recursive else self.horizon

    @property
    def lead(self) -> int:
        """How many rows ahead known covariates and the calendar are read."""
        return self.ahead if self.known or self.calendar else 0

    @cached_property
    def cut(self) -> Cut:
        """How windows are cut."""
        return Cut(
            targets=len(self.targets),
            width=len(self.features)
            + 2 * len(self.calendar)
            + self.missing.marks * (len(self.targets) + len(self.past)),
            marks=self.missing.marks,
            lookback=self.lookback,
            horizon=self.horizon,
            segment=self.segment,
            channels=self.channels,
            normalise=self.normalise,
            dtype=self.dtype,
        )

    def signals(self) -> dict[str, Signal]:
        """Steps of a segment each."""
        return {"x": Signal("steps", self.cut.step_width)}

    def arrange(self, cases: Cases) -> Cases:
        """The same series with the columns of training in their order (DataError: one lacks)."""
        if cases.kind != "series":
            raise DataError(f"expected series, got {cases.kind}", path=cases.source)
        return cases.with_features(self.features)

    def track(self, history: History) -> Track:
        """A series scaled, its holes filled.

        With a lead the track ends where the known future does: its last `lead` rows are no history.

        Raises:
            ShapeError: other columns than the codec's, or no row.
            DataError: the frequency changes, an infinite value, or a known covariate is missing.
        """
        where = f"series {history.series!r}" if history.series else "the series"
        raw, times = self._rows(history, where)
        row = self.scaling.row_of(history.series)
        shift, scale = self.scaling.at(row)
        count = len(self.targets)
        with np.errstate(over="ignore"):
            scaled = (raw - shift) / scale
        if np.isinf(scaled).any():
            row, k = (int(i) for i in np.argwhere(np.isinf(scaled))[0])
            raise DataError(
                f"{where}, row {row + 1}: expected a finite number, got {raw[row, k]:g}: "
                "correct it, or leave it empty",
                column=self.features[k],
            )
        own = count + len(self.past)
        filled = self.missing.filled(scaled[:, :own], row)
        parts = [moved_up(carried_on(scaled[:, own:]), self.lead)]
        if self.calendar:
            assert times is not None  # `_rows` has seen to it
            parts.append(calendar_features(self.later(times), self.calendar))
        parts += self.missing.columns(~np.isnan(scaled[:, :own]), count)
        rest = np.concatenate(parts, axis=1)

        def beside(columns: Array | None, more: Array) -> Array | None:
            return None if columns is None else np.concatenate([columns, more], axis=1)

        return Track(
            history.series,
            np.concatenate([filled.values, rest], axis=1),
            raw[:, :count],
            shift[:count],
            scale[:count],
            times,
            beside(filled.carried, rest),
            beside(filled.known_from, np.zeros(rest.shape, np.int64)),
        )

    def future_rows(self, history: History) -> int:
        """How many of the last rows are future: all but the known covariates is missing there."""
        if not self.known:
            return 0
        unknown = np.isnan(history.values[:, : len(self.targets) + len(self.past)])
        rows = np.flatnonzero(~unknown.all(axis=1))
        return len(unknown) - 1 - int(rows[-1]) if len(rows) else 0

    def histories(self, cases: Cases) -> list[History]:
        """The raw series of some cases."""
        cases = self.arrange(cases)
        times: Sequence[Array | None] = cases.times or (None,) * len(cases)
        names = cases.ids if len(cases) > 1 or cases.ids != ("0",) else ("",)
        return [History(*parts) for parts in zip(cases.inputs, times, names, strict=True)]

    def newest(self, histories: Sequence[History]) -> Windows:
        """One window a series: from its newest row, to forecast what comes.

        Raises:
            DataError: the future of a known covariate is missing, and as `track`.
        """
        tracks, origins = [], []
        # Forecasts that are read again stand beside the calendar of their own rows.
        later = self.horizon if self.recursive and self.calendar and not self.known else 0
        for k, history in enumerate(histories):
            future = self.future_rows(history)
            track = self.track(self._lengthened(history, later))
            if self.known and future < self.horizon:
                raise DataError(
                    f"series {history.series!r}: expected {counted(self.horizon, 'row')} behind "
                    f"the history with {', '.join(self.known)} and without {self.targets[0]}, got "
                    f"{future}: add the known covariates of the whole horizon below the history"
                )
            tracks.append(track)
            origins.append((k, len(track.values) - 1 - max(future, later)))
        # A state that is carried on has read all rows, not the last ones only.
        longest = max(last + 1 for _, last in origins) if self.carried else self.lookback
        whole = Windows(tracks, np.array(origins, np.int64), self.cut)
        return whole.with_cut(lookback=max(longest, self.lookback))

    def rolling(self, cases: Cases, *, ahead: int, reach: int, stride: int = 1) -> Windows:
        """Windows at every `stride`-th row that has a whole look-back before it.

        Args:
            cases: Series; their first look-back rows are history only.
            ahead: Rows of the truth in each batch.
            reach: Rows that must follow.
            stride: Rows between origins.

        Raises:
            DataError: no series is long enough, and as `track`.
        """
        tracks = [self.track(history) for history in self.histories(cases)]
        origins = [
            np.stack([np.full(len(last), k), last], axis=1)
            for k, track in enumerate(tracks)
            for last in [np.arange(self.lookback - 1, len(track.values) - reach, stride)]
        ]
        places = np.concatenate(origins).astype(np.int64)
        if not len(places):
            longest = max(len(track.values) for track in tracks)
            raise DataError(
                f"expected a series of at least lookback + horizon = {self.lookback + reach} rows, "
                f"got {longest} in the longest: give more rows, or a shorter lookback or horizon",
                path=cases.source,
            )
        whole = Windows(tracks, places, self.cut).with_cut(ahead=ahead)
        seen = ~np.isnan(np.concatenate([track.truth for track in tracks])).all(axis=1)
        # A window whose whole future is missing teaches and measures nothing.
        counts = np.concatenate([[0], np.cumsum(seen)])
        first = np.cumsum([0, *(len(track.values) for track in tracks)])[places[:, 0]]
        last = first + places[:, 1]
        some = counts[last + 1 + reach] > counts[last + 1]
        if not some.any():
            raise DataError("expected targets, got none that is observed", path=cases.source)
        return Windows(tracks, places[some], whole.cut)

    def cut_off(self, history: History, end: int) -> History:
        """The first `end` rows as a history, with the known future behind it where one is read."""
        values = np.array(history.values[: end + self.horizon if self.known else end])
        values[end:, : len(self.targets) + len(self.past)] = np.nan
        times = None if history.times is None else history.times[: len(values)]
        return History(values, times, history.series)

    def _lengthened(self, history: History, rows: int) -> History:
        """A history with so many empty rows behind it."""
        if not rows or history.times is None or self.frequency is None:
            return history
        values = np.asarray(history.values, np.float64)
        empty = np.full((rows, values.shape[1]), np.nan)
        later = self.frequency.after(float(history.times[-1]), rows)
        return History(
            np.concatenate([values, empty]), np.concatenate([history.times, later]), history.series
        )

    def start(self, series: str = "") -> dict[str, Array]:
        """The slots of a new stream of a series; see `forecast_stream`."""
        return forecast_stream.start(self, series)

    def step(
        self, observation: Any, time: float | None, slots: Mapping[str, Array]
    ) -> tuple[Windows, dict[str, Array]]:
        """One row of a stream, by the arithmetic of `newest` to the bit; see `forecast_stream`."""
        return forecast_stream.step(self, observation, time, slots)

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values; `codec_from_json` gives the same codec back."""
        return codec_to_tree(self)

    @staticmethod
    def from_json(tree: Any) -> ForecastCodec:
        """Read what `to_json` wrote (BundleError: anything else)."""
        return ForecastCodec(**codec_from_tree(tree))

    def case_arrays(self, x: Any) -> dict[str, Array]:
        """A history as arrays by name."""
        history = x if isinstance(x, History) else History(np.asarray(x, np.float64))
        arrays: dict[str, Array] = {
            "values": np.asarray(history.values, np.float64),
            "series": np.frombuffer(history.series.encode("utf-8"), np.uint8),
        }
        return arrays if history.times is None else arrays | {"times": history.times}

    def case_from_arrays(self, arrays: Mapping[str, Array]) -> History:
        """What `case_arrays` was given (BundleError: the arrays are none that it gives)."""
        values, series, times = (arrays.get(name) for name in ("values", "series", "times"))
        known = {"values", "series", "times"}
        if values is None or series is None or set(arrays) - known or series.dtype != np.uint8:
            raise BundleError("a golden history must hold values, series and, may be, times")
        if values.dtype != np.float64 or values.ndim != 2 or np.isinf(values).any():
            raise BundleError("a golden history must be float64 [T, F] without infinities")
        if times is not None and (times.shape != (len(values),) or not np.isfinite(times).all()):
            raise BundleError("a golden history's times must be finite, one a row")
        try:
            name = series.tobytes().decode("utf-8")
        except UnicodeDecodeError:
            raise BundleError("a golden history's series is not UTF-8") from None
        return History(values, times, name)

    def describe(self) -> str:
        """What a forecast reads, in a line."""
        kinds = [
            f"the last {counted(self.lookback, 'row')} of {', '.join(self.targets)}",
            *([f"past {', '.join(self.past)}"] if self.past else []),
            *([f"known {', '.join(self.known)}"] if self.known else []),
            *([f"calendar {', '.join(self.calendar)}"] if self.calendar else []),
        ]
        if self.missing.strategy != "last":
            kinds.append(f"holes by {self.missing.strategy}")
        every = f", a row every {self.frequency.told(dated=self.dated)}" if self.frequency else ""
        return " and ".join(kinds) + every

    def _rows(self, history: History, where: str) -> tuple[Array, Array | None]:
        """Values with absent rows put in, and times."""
        raw = np.asarray(history.values, np.float64)
        if raw.ndim == 1 and len(self.features) == 1:
            raw = raw[:, None]
        if raw.ndim != 2 or raw.shape[1] != len(self.features) or not len(raw):
            raise ShapeError(
                f"the codec expected {where} as [T >= 1, F={len(self.features)}], got "
                f"{list(raw.shape)}: give the columns {', '.join(self.features[:6])} in order"
            )
        times = history.times
        if times is None:
            if self.calendar:
                raise DataError(
                    f"{where}: expected times, from which the calendar ({', '.join(self.calendar)})"
                    " is taken, got none: name the time column"
                )
            return raw, None
        times = np.asarray(times, np.float64)
        if times.shape != (len(raw),):
            raise ShapeError(f"{where}: expected times [T={len(raw)}], got {list(times.shape)}")
        if self.frequency is not None and len(raw) > 1:
            check_beat(times, self.frequency, where, dated=self.dated)
            raw, times, _ = regular(raw, times, self.frequency, where, dated=self.dated)
        self._check_known(raw, history, where)
        return raw, times

    def _check_known(self, raw: Array, history: History, where: str) -> None:
        future = self.future_rows(history)
        if not future:
            return
        begin = len(self.targets) + len(self.past)
        missing = np.argwhere(np.isnan(raw[len(raw) - future :, begin:]))
        if len(missing):
            row, k = (int(i) for i in missing[0])
            raise DataError(
                f"{where}: expected the known covariate at each row that comes, got none at "
                f"{row + 1} of {future}: add it",
                column=self.known[k],
            )

    def later(self, times: Array) -> Array:
        """The times `lead` rows later."""
        assert self.frequency is not None  # a calendar needs a clock
        if not self.frequency.months:
            return np.asarray(times + self.frequency.step * self.lead)
        return np.array([self.frequency.after(float(t), self.lead)[-1] for t in times])
