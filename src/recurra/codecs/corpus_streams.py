"""A corpus as parallel streams, cut into windows whose state goes on from one to the next.

    all sequences in one row  ->  B streams of L = ceil(S / B) steps  ->  windows of T steps

Window k of stream b continues window k - 1 of stream b, so a batch that holds window k of every
stream begins with the state in which the batch before ended. Where a sequence begins, `starts` is
true and the state is the initial one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar, overload

import numpy as np
import numpy.typing as npt

from recurra.errors import ShapeError
from recurra.spec.batch import Batch, Encoded, EncodedCases, EncodedList

__all__ = ["CorpusStreams"]

Array = npt.NDArray[Any]
# Tells the draws of this module from others of the same seed.
_PURPOSE = 0xC0A905
_CUTS = 0xC075


class CorpusStreams(EncodedCases):
    """The windows of one pass over a corpus, and of every later pass.

    Windows are numbered on and on: n belongs to pass n // len(self), and there to window
    (n % len(self)) // B of stream n % B. In training every pass has its own order of the
    sequences and begins at another step of the first; both are a function of seed and pass.

    Args:
        cases: "x" and "y" of each sequence, [T, ...].
        streams: Most of them; fewer where the corpus would not fill a window of each.
        window: T, steps of a window; of one that is drawn the most.
        windows: T of each pass, the last one's for all that follow; (): `window`.
        shortest: Least steps of a window that is drawn, for each pass anew; None: none is drawn.
        seed: Of the order of each pass; None: as given, nothing is shifted.
        overlap: Steps that a stream reads, uncounted, ahead of its own part, so that its first
            steps are predicted from something.
        transpose: Most places by which a sequence's channels are moved up or down, drawn for each
            pass; never so far that one that sounds would leave.
    """

    unit: ClassVar[str] = "window"

    def __init__(
        self,
        cases: Sequence[Encoded],
        *,
        streams: int,
        window: int,
        windows: Sequence[int] = (),
        shortest: int | None = None,
        seed: int | None = None,
        overlap: int = 0,
        transpose: int = 0,
    ) -> None:
        if not cases:
            raise ShapeError("a corpus needs at least one sequence, got none")
        self._cases = tuple(cases)
        self._sizes = np.array([case.length for case in cases], dtype=np.int64)
        self.window, self._seed, self._transpose = window, seed, transpose
        self.steps = int(self._sizes.sum())
        self.streams = max(1, min(streams, self.steps // window))
        self._stride = -(-self.steps // self.streams)
        self._overlap = overlap if self.streams > 1 else 0
        self._sizes_of = tuple(windows) or (window,)
        self._shortest = shortest
        # Drawn windows are as many in each pass, and in the mean half way between the two sizes.
        self._drawn_count = -(
            -2 * (self._stride + self._overlap) // (window + (shortest or window))
        )
        self._most = max(self.count(number) for number in range(len(self._sizes_of)))
        self._edges = lru_cache(maxsize=4)(self._cut)
        # Two, so that a window that is looked at while a pass goes on costs no second laying.
        self._laid = lru_cache(maxsize=2)(self._lay)

    def __len__(self) -> int:
        return self._most * self.streams

    @overload
    def __getitem__(self, index: int) -> Encoded: ...

    @overload
    def __getitem__(self, index: slice) -> EncodedList: ...

    def __getitem__(self, index: int | slice) -> Encoded | EncodedList:
        if isinstance(index, slice):
            return EncodedList(self[k] for k in range(*index.indices(len(self))))
        if not index >= 0:
            raise IndexError(index)
        arrays = self._laid(index // len(self))
        begin, end, counted = self._place(index)
        steps = {name: array[begin:end] for name, array in arrays.items()}
        return Encoded(steps | {"counted": np.arange(begin, end) >= counted})

    @property
    def lengths(self) -> Array:
        """Steps of each window of a pass, [len(self)] int64."""
        places = (self._place(k) for k in range(len(self)))
        return np.array([end - begin for begin, end, _ in places], dtype=np.int64)

    def collate(self, index: Sequence[int] | Array, *, length: int | None = None) -> Batch:
        """Windows side by side; `steps` are x, y, starts and counted."""
        batch = EncodedList(self[int(k)] for k in index).collate(range(len(index)), length=length)
        return Batch(
            batch.steps,
            batch.rows,
            batch.lengths,
            None,
            None,
            np.asarray(index, dtype=np.int64) % len(self),
        )

    def digest(self) -> str:
        """A hash of the sequences and of how they are cut."""
        said = f"{self.streams} {self.window} {self._overlap} {self._transpose} "
        said += f"{self._sizes_of} {self._shortest} "
        return hashlib.sha256((said + EncodedList(self._cases).digest()).encode()).hexdigest()[:16]

    def count(self, number: int) -> int:
        """How many windows of every stream pass `number` (from 0) has."""
        if self._shortest is not None:
            return self._drawn_count
        return -(-(self._stride + self._overlap) // self._window_of(number))

    def batches(self, number: int) -> list[Array]:
        """The windows of pass `number` (from 0), each batch one window of every stream."""
        first = number * len(self)
        return [
            np.arange(first + k * self.streams, first + (k + 1) * self.streams)
            for k in range(self.count(number))
        ]

    def _window_of(self, number: int) -> int:
        return self._sizes_of[min(number, len(self._sizes_of) - 1)]

    def _cut(self, number: int) -> Array:
        """Where the windows of pass `number` begin, from the beginning of a stream, and the end.

        Drawn: the inner places between equal windows, each moved by less than a quarter of what
        lies between the least and the most steps; so none is longer than `window`.
        """
        span = self._stride + self._overlap
        if self._shortest is None:
            size = self._window_of(number)
            edges: Array = np.minimum(np.arange(self.count(number) + 1) * size, span)
            return edges
        random = np.random.default_rng(np.random.SeedSequence([self._seed or 0, _CUTS, number]))
        even = np.linspace(0, span, self._drawn_count + 1)
        # Rounding may cost a step.
        apart = int(even[1]) // 2 - 1
        most = max(0, min((self.window - self._shortest) // 4 - 1, apart))
        moved = random.integers(-most, most, len(even) - 2, endpoint=True)
        edges = np.rint(even).astype(np.int64)
        edges[1:-1] += moved
        return edges

    def _place(self, index: int) -> tuple[int, int, int]:
        """Where window `index` begins and ends in the row of all, and where counting begins."""
        number, place = divmod(index, len(self))
        k, stream = divmod(place, self.streams)
        own, end = stream * self._stride, min((stream + 1) * self._stride, self.steps)
        first = max(0, own - self._overlap)
        edges, last = self._edges(number), max(end, first)
        return (
            int(min(first + edges[min(k, len(edges) - 1)], last)),
            int(min(first + edges[min(k + 1, len(edges) - 1)], last)),
            own,
        )

    def _lay(self, number: int) -> dict[str, Array]:
        """x, y and starts of all sequences in one row, as pass `number` has them."""
        order, shift = np.arange(len(self._cases)), 0
        moved = np.zeros(len(self._cases), dtype=np.int64)
        if self._seed is not None:
            random = np.random.default_rng(np.random.SeedSequence([self._seed, _PURPOSE, number]))
            order = random.permutation(order)
            shift = int(random.integers(self.steps))
            moved = np.array([self._drawn(case, random) for case in self._cases])
        arrays = {
            name: np.concatenate([_moved(self._cases[k].steps[name], moved[k]) for k in order])
            for name in ("x", "y")
        }
        arrays["starts"] = np.zeros(self.steps, dtype=np.bool_)
        arrays["starts"][np.cumsum(self._sizes[order]) - self._sizes[order]] = True
        if shift:
            arrays = {name: np.roll(array, -shift, axis=0) for name, array in arrays.items()}
        return arrays

    def _drawn(self, case: Encoded, random: np.random.Generator) -> int:
        """By how many places this sequence is moved in this pass."""
        if not self._transpose:
            return 0
        sounding = np.flatnonzero(case.steps["y"].any(axis=0))
        if not len(sounding):
            return 0
        width = case.steps["y"].shape[1]
        low = max(-self._transpose, -int(sounding[0]))
        high = min(self._transpose, width - 1 - int(sounding[-1]))
        return int(random.integers(low, high + 1))


def _moved(array: Array, places: int) -> Array:
    return np.roll(array, places, axis=1) if places else array
