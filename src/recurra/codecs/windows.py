"""Windows of series, cut when they are asked for: what a forecast reads, and what it must give.

    rows t-R+1 .. t of a series -> x [R / S, S * width]        rows t+1 .. t+H -> y

A window's steps are segments of S rows. It keeps no array of its own: thousands of windows take the
memory of the series that they are cut from, and a batch is cut by one indexing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, overload

import numpy as np
import numpy.typing as npt

from recurra.codecs.scaling import Normalise, window_figures
from recurra.errors import ShapeError
from recurra.spec.batch import Batch, Encoded, EncodedCases

__all__ = ["Cut", "Track", "Windows", "cut_rows"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Cut:
    """How windows are cut.

    Args:
        targets: A, the first so many columns of a track.
        width: F, all columns of a track.
        lookback: R, most rows of history; a multiple of `segment`.
        horizon: H, rows that are forecast in the end.
        segment: S, rows of one step.
        ahead: Rows of the truth y, 0: none.
        channels: joint: a window is one row of the batch and its steps hold all targets; separate:
            one row for each target, which holds that target alone (with all covariates).
        normalise: Of each window's targets by its own rows.
        dtype: Of x and y.
        marks: Columns that say something of each target beside its value (whether it was observed,
            how long ago): the last `marks * A` ones, all targets side by side for each.
    """

    targets: int
    width: int
    lookback: int
    horizon: int
    segment: int = 1
    ahead: int = 0
    channels: Literal["joint", "separate"] = "joint"
    normalise: Normalise = "none"
    dtype: Literal["float32", "float64"] = "float32"
    marks: int = 0

    @property
    def separate(self) -> bool:
        """Whether each target is a row of its own."""
        return self.channels == "separate"

    @property
    def rows_each(self) -> int:
        """Rows of the batch that a window gives."""
        return self.targets if self.separate else 1

    @property
    def outputs(self) -> int:
        """Targets that a row of the batch gives."""
        return 1 if self.separate else self.targets

    @property
    def step_width(self) -> int:
        """Numbers in one step of x."""
        own = 1 + self.marks
        columns = own + self.width - own * self.targets if self.separate else self.width
        return self.segment * columns

    def segments(self, rows: Array) -> Array:
        """Steps that so many rows of history make: whole segments, at least one."""
        steps: Array = np.clip(rows, self.segment, self.lookback) // self.segment
        return steps


@dataclass(frozen=True, eq=False)
class Track:
    """One series as windows are cut from it.

    Args:
        name: Of the series.
        values: Scaled, without holes, [T, F] float64; the A targets first.
        truth: The targets in their units, NaN where nothing was observed, [T, A].
        shift: Of the series' targets, [A].
        scale: Of the series' targets, [A].
        times: [T] float64, or None.
        carried: As `values`, holes filled by what was observed last; None: `values` are so.
        known_from: Of each value the row at which it is known, [T, F] int64: a line to a later
            value only there, before it what was observed last; None: at its own.
    """

    name: str
    values: Array
    truth: Array
    shift: Array
    scale: Array
    times: Array | None = None
    carried: Array | None = None
    known_from: Array | None = None


class Windows(EncodedCases):
    """Windows of some series, in the order of their origins.

    Args:
        tracks: The series.
        origins: Of each window the number of its series and of its last row, [N, 2] int64.
        cut: How they are cut.
    """

    unit: ClassVar[str] = "window"

    def __init__(self, tracks: Sequence[Track], origins: Array, cut: Cut) -> None:
        self.tracks, self.origins, self.cut = tuple(tracks), origins, cut

    @overload
    def __getitem__(self, index: int) -> Encoded: ...

    @overload
    def __getitem__(self, index: slice) -> Windows: ...

    def __getitem__(self, index: int | slice) -> Encoded | Windows:
        if isinstance(index, slice):
            return Windows(self.tracks, self.origins[index], self.cut)
        batch = self.collate([range(len(self))[index]])
        x = batch.steps["x"]
        rows = {name: array[0] for name, array in batch.rows.items() if name != "y"}
        return Encoded({"x": np.moveaxis(x, 0, 1) if self.cut.separate else x[0]}, rows)

    def __len__(self) -> int:
        return len(self.origins)

    def with_cut(self, **changes: Any) -> Windows:
        """The same windows, cut otherwise."""
        return Windows(self.tracks, self.origins, replace(self.cut, **changes))

    @property
    def lengths(self) -> Array:
        """Segments of each window, [N] int64."""
        return self.cut.segments(self.origins[:, 1] + 1)

    def digest(self) -> str:
        """A hash of the series, of where the windows begin, and of how they are cut."""
        digest = hashlib.sha256(repr(self.cut).encode())
        for track in self.tracks:
            digest.update(repr((track.name, track.values.shape)).encode())
            for array in (track.values, track.truth):
                digest.update(np.ascontiguousarray(array).tobytes())
        digest.update(np.ascontiguousarray(self.origins).tobytes())
        return digest.hexdigest()[:16]

    def collate(self, index: Sequence[int] | Array, *, length: int | None = None) -> Batch:
        """Windows side by side.

        Args:
            index: Which of them, in which order; at least one.
            length: T of the batch, in segments; None: that of the longest.

        Returns:
            steps: x [B, T, step_width]; with separate channels [B * A, T, step_width], the targets
            of a window side by side. rows: shift and scale [B, A], with which the network's numbers
            become the target's; time [B] of the last row, NaN: unknown; with `ahead` also y and
            y_weight [B, ahead * outputs] (separate: [B * A, ahead]), the weight 0 where nothing
            was observed.

        Raises:
            ShapeError: no window, or `length` shorter than one.
        """
        chosen = np.asarray(index, dtype=np.int64)
        if not len(chosen):
            raise ShapeError("a batch needs at least one window, got none")
        cut, (series, last) = self.cut, self.origins[chosen].T
        steps = cut.segments(last + 1)
        most = int(steps.max())
        width = most if length is None else length
        if width < most:
            raise ShapeError(f"a batch of T={width} cannot hold a window of {most} segments")
        history = self._history(series, last, steps, width)
        x, shift, scale = cut_rows(history, steps, cut)
        shifts, scales = self.units(chosen)
        rows = {
            "shift": shifts + shift * scales,
            "scale": scale * scales,
            "time": self._times(series, last),
        }
        if cut.ahead:
            rows |= self._ahead(series, last, shift, scale)
        return Batch({"x": x}, rows, np.repeat(steps, cut.rows_each), None, None, chosen)

    def truth(self, index: Sequence[int] | Array) -> Array:
        """The targets in their units of the H rows after each window, [B, H, A]; NaN: unknown."""
        series, last = self.origins[np.asarray(index, dtype=np.int64)].T
        after = last[:, None] + np.arange(1, self.cut.horizon + 1)
        inside = after < self._lengths[series][:, None]
        found = self._truth[np.where(inside, self._first[series][:, None] + after, 0)]
        return np.where(inside[:, :, None], found, np.nan)

    def past(self, index: Sequence[int] | Array, rows: int) -> Array:
        """The last targets of each window in their units, holes carried on, [B, rows, A].

        Where a series begins later, its first row stands for those before.
        """
        places, last = self._around(index, rows, 0)
        del last
        values = self._carried[places][:, :, : self.cut.targets]
        shift, scale = self.units(index)
        past: Array = shift[:, None] + values * scale[:, None]
        return past

    def units(self, index: Sequence[int] | Array) -> tuple[Array, Array]:
        """Shift and scale of the series of each window, [B, A]."""
        series = self.origins[np.asarray(index, dtype=np.int64), 0]
        shifts, scales = self._units
        return shifts[series], scales[series]

    def rows(self, index: Sequence[int] | Array, before: int, after: int) -> Array:
        """Scaled rows around the end of each window, [B, before + after, F].

        Where a series begins later its first row stands for those before, and where it ends its
        last row for those after.
        """
        return self._read(*self._around(index, before, after))

    def _around(self, index: Sequence[int] | Array, before: int, after: int) -> tuple[Array, Array]:
        """Places of rows around each window's end, [B, before + after]; and of that end, [B]."""
        series, last = self.origins[np.asarray(index, dtype=np.int64)].T
        row = np.clip(
            last[:, None] + np.arange(1 - before, after + 1),
            0,
            self._lengths[series][:, None] - 1,
        )
        return self._first[series][:, None] + row, self._first[series] + last

    def _read(self, places: Array, ends: Array) -> Array:
        """The rows at some places [B, R], as they are known at a window's end [B]."""
        found: Array = self._values[places]
        if self._known_from is None:
            return found
        later = self._known_from[places] > ends[:, None, None]
        return np.where(later, self._carried[places], found)

    def _times(self, series: Array, last: Array) -> Array:
        clocks = [track.times for track in self.tracks]
        found = [clocks[k] for k in series]
        return np.array(
            [np.nan if c is None else c[row] for c, row in zip(found, last, strict=True)]
        )

    def _history(self, series: Array, last: Array, steps: Array, width: int) -> Array:
        """The rows of each window, [B, width * S, F]; what stands behind its end has no meaning."""
        rows = steps * self.cut.segment
        place = np.arange(width * self.cut.segment)
        # A history shorter than a segment is lengthened by its first row.
        row = np.maximum(last[:, None] + 1 - rows[:, None] + place, 0)
        row = np.minimum(row, last[:, None])
        return self._read(self._first[series][:, None] + row, self._first[series] + last)

    def _ahead(self, series: Array, last: Array, shift: Array, scale: Array) -> dict[str, Array]:
        cut = self.cut
        after = last[:, None] + np.arange(1, cut.ahead + 1)
        inside = after < self._lengths[series][:, None]
        row = np.where(inside, self._first[series][:, None] + after, 0)
        y = (self._values[row, : cut.targets] - shift[:, None]) / scale[:, None]
        weight = inside[:, :, None] & self._seen[row]
        # A hole holds what was observed last, as it does in the history.
        y = np.where(inside[:, :, None], y, 0.0)
        if cut.separate:
            y, weight = y.transpose(0, 2, 1), weight.transpose(0, 2, 1)
        size = (len(series) * cut.rows_each, -1)
        return {
            "y": y.reshape(size).astype(cut.dtype),
            "y_weight": weight.reshape(size).astype(cut.dtype),
        }

    @cached_property
    def _lengths(self) -> Array:
        return np.array([len(track.values) for track in self.tracks], np.int64)

    @cached_property
    def _first(self) -> Array:
        """Where each series begins in the rows of all."""
        return np.concatenate([[0], np.cumsum(self._lengths)[:-1]])

    @cached_property
    def _values(self) -> Array:
        return np.concatenate([track.values for track in self.tracks])

    @cached_property
    def _carried(self) -> Array:
        """The values, holes filled by what was observed last."""
        if all(track.carried is None for track in self.tracks):
            return self._values
        return np.concatenate([t.values if t.carried is None else t.carried for t in self.tracks])

    @cached_property
    def _known_from(self) -> Array | None:
        """Of each value the place at which it is known; None: each at its own."""
        if all(track.known_from is None for track in self.tracks):
            return None
        parts: list[Array] = []
        for track, first in zip(self.tracks, self._first, strict=True):
            rows = track.known_from
            parts.append((np.zeros(track.values.shape, np.int64) if rows is None else rows) + first)
        found: Array = np.concatenate(parts)
        return found

    @cached_property
    def _truth(self) -> Array:
        return np.concatenate([track.truth for track in self.tracks])

    @cached_property
    def _seen(self) -> Array:
        return ~np.isnan(self._truth)

    @cached_property
    def _units(self) -> tuple[Array, Array]:
        """Shift and scale of each series' targets, [K, A]."""
        tracks = self.tracks
        return np.stack([t.shift for t in tracks]), np.stack([t.scale for t in tracks])


def cut_rows(history: Array, steps: Array, cut: Cut) -> tuple[Array, Array, Array]:
    """What the network reads of some rows.

    Args:
        history: Scaled rows, oldest first, [B, T * S, F] float64; it is used up.
        steps: Segments of each window that count, [B] int64.
        cut: How windows are cut.

    Returns:
        x as `Windows.collate` gives it, zero beyond a window's end; the shift and scale [B, A] of
        its normalisation.
    """
    rows = steps * cut.segment
    shift, scale = window_figures(cut.normalise, history[:, :, : cut.targets], rows)
    if cut.normalise != "none":
        history[:, :, : cut.targets] -= shift[:, None]
        history[:, :, : cut.targets] /= scale[:, None]
    if int(rows.min()) < history.shape[1]:
        history[np.arange(history.shape[1]) >= rows[:, None]] = 0.0
    return _stepped(history, cut).astype(cut.dtype), shift, scale


def _stepped(history: Array, cut: Cut) -> Array:
    """Rows [B, R, F] as steps of S rows; separate: each target and its marks beside the rest."""
    batch, rows, _ = history.shape
    steps = rows // cut.segment
    if not cut.separate:
        return history.reshape(batch, steps, -1)
    own = history[:, :, : cut.targets].transpose(0, 2, 1).reshape(batch, cut.targets, steps, -1)
    end = history.shape[2] - cut.marks * cut.targets
    if cut.marks:
        marks = history[:, :, end:].reshape(batch, rows, cut.marks, cut.targets)
        marks = marks.transpose(0, 3, 1, 2).reshape(batch, cut.targets, steps, -1)
        own = np.concatenate([own, marks], axis=3)
    rest = history[:, :, cut.targets : end].reshape(batch, 1, steps, -1)
    if rest.shape[-1]:
        shared = np.broadcast_to(rest, (batch, cut.targets, steps, rest.shape[-1]))
        own = np.concatenate([own, shared], axis=3)
    return own.reshape(batch * cut.targets, steps, -1)
