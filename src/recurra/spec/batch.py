"""A batch of encoded cases: named arrays with the lengths, what was observed and the elapsed time.

    raw record -> named fields -> Batch

The word for a missing value's flag is *observed*; padding is told by `lengths` alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, overload

import numpy as np
import numpy.typing as npt

from recurra.errors import ShapeError

__all__ = ["Batch", "Encoded", "EncodedCases", "EncodedList", "collate"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Encoded:
    """One case after its codec.

    Args:
        steps: Arrays along time, name -> [T, ...]: "x" [T, C] float32 or [T] int64 (tokens).
        rows: Values of the whole case, name -> [...]: "y" a class index or numbers.
        observed: [T, C] bool where values may be missing, else None.
        elapsed: [T] float64, time since the previous step in the data's own unit, else None.
    """

    steps: Mapping[str, Array]
    rows: Mapping[str, Array] = field(default_factory=dict)
    observed: Array | None = None
    elapsed: Array | None = None

    @property
    def length(self) -> int:
        """T, the same for every array of `steps`."""
        lengths = {name: len(array) for name, array in self.steps.items()}
        if len(set(lengths.values())) != 1:
            raise ShapeError(f"a case's step arrays must share T, got {lengths}")
        return next(iter(lengths.values()))


@dataclass(frozen=True)
class Batch:
    """Cases side by side, padded with zeros on the right.

    Args:
        steps: name -> [B, T, ...].
        rows: name -> [B, ...].
        lengths: [B] int64, valid steps of each row.
        observed: [B, T, C] bool or None.
        elapsed: [B, T] float64 or None.
        index: [B] int64, which cases these are.
    """

    steps: Mapping[str, Array]
    rows: Mapping[str, Array]
    lengths: Array
    observed: Array | None
    elapsed: Array | None
    index: Array

    def __len__(self) -> int:
        return len(self.lengths)

    def arrays(self, names: Iterable[str]) -> dict[str, Array]:
        """The arrays of these names, from `steps`, `rows`, or `observed` and `elapsed`.

        Raises:
            ShapeError: a name is none of the batch.
        """
        found = {}
        for name in names:
            if name in self.steps:
                found[name] = self.steps[name]
            elif name in self.rows:
                found[name] = self.rows[name]
            elif name in ("observed", "elapsed") and getattr(self, name) is not None:
                found[name] = getattr(self, name)
            else:
                known = [*self.steps, *self.rows]
                raise ShapeError(f"the network reads {name!r}, the batch holds {known}")
        return found


class EncodedCases(Sequence[Encoded]):
    """Encoded cases to learn from or to answer: what a training, an evaluation and a model take.

    A task whose cases are cut out of something larger (windows of a series, pieces of a text) gives
    a class of its own, which cuts when it is asked.
    """

    # What one of them is called.
    unit: ClassVar[str] = "sequence"

    @property
    def lengths(self) -> Array:
        """Steps of each case, [N], int64."""
        return np.array([self[k].length for k in range(len(self))], dtype=np.int64)

    def collate(self, index: Sequence[int] | Array, *, length: int | None = None) -> Batch:
        """The cases numbered by `index` side by side, padded to T = `length` or the longest."""
        chosen = [self[int(k)] for k in index]
        return _side_by_side(chosen, np.asarray(index, dtype=np.int64), length)

    def digest(self) -> str:
        """A hash of everything that the cases hold; a resumed training must find the same."""
        digest = hashlib.sha256()
        for case in self:
            optional = {"observed": case.observed, "elapsed": case.elapsed}
            given = {name: array for name, array in optional.items() if array is not None}
            for name, array in sorted({**case.steps, **case.rows, **given}.items()):
                digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


class EncodedList(EncodedCases):
    """Encoded cases that are all there."""

    def __init__(self, cases: Iterable[Encoded]) -> None:
        self._cases = tuple(cases)
        self._lengths = np.array([case.length for case in self._cases], dtype=np.int64)

    @overload
    def __getitem__(self, index: int) -> Encoded: ...

    @overload
    def __getitem__(self, index: slice) -> EncodedList: ...

    def __getitem__(self, index: int | slice) -> Encoded | EncodedList:
        return EncodedList(self._cases[index]) if isinstance(index, slice) else self._cases[index]

    def __len__(self) -> int:
        return len(self._cases)

    @property
    def lengths(self) -> Array:
        """Steps of each case, [N], int64."""
        return self._lengths


def collate(cases: Sequence[Encoded], index: Sequence[int], *, length: int | None = None) -> Batch:
    """Put the cases numbered by `index` side by side.

    Args:
        cases: All encoded cases.
        index: Which of them, in which order; at least one.
        length: T of the batch; None: the longest of them.

    Raises:
        ShapeError: no case, or `length` shorter than a case.
    """
    return _side_by_side([cases[i] for i in index], np.asarray(index, dtype=np.int64), length)


def _side_by_side(chosen: Sequence[Encoded], index: Array, length: int | None) -> Batch:
    if not chosen:
        raise ShapeError("a batch needs at least one case, got none")
    lengths = np.array([case.length for case in chosen], dtype=np.int64)
    longest = int(lengths.max())
    width = longest if length is None else length
    if width < longest:
        raise ShapeError(f"a batch of T={width} cannot hold a case of {longest} steps")

    def pad(arrays: list[Array]) -> Array:
        out = np.zeros((len(arrays), width, *arrays[0].shape[1:]), arrays[0].dtype)
        for row, array in zip(out, arrays, strict=True):
            row[: len(array)] = array
        return out

    def pad_optional(arrays: list[Array | None]) -> Array | None:
        present = [array for array in arrays if array is not None]
        if len(present) not in (0, len(arrays)):
            raise ShapeError("either every case of a batch has observed/elapsed or none has")
        return pad(present) if present else None

    return Batch(
        steps={name: pad([case.steps[name] for case in chosen]) for name in chosen[0].steps},
        rows={name: np.stack([case.rows[name] for case in chosen]) for name in chosen[0].rows},
        lengths=lengths,
        observed=pad_optional([case.observed for case in chosen]),
        elapsed=pad_optional([case.elapsed for case in chosen]),
        index=index,
    )
