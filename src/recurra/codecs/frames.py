"""Frames: at each step the set of what sounds or happens, as numbers below a width.

    {"frames": [[60, 64], [], [62]]}  ->  y_t many-hot [T, W],  x_t = y_{t-1},  x_0 = zeros

Each frame is predicted from those before it, the first one from zeros and the initial state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import numpy as np
import numpy.typing as npt

from recurra.codecs import json_tree
from recurra.codecs.abstract import AbstractCodec
from recurra.codecs.cases import Cases
from recurra.errors import BundleError, DataError, ObservationError
from recurra.spec.batch import Encoded
from recurra.spec.node import Signal

if TYPE_CHECKING:
    from recurra.spec.settings import DataSettings

__all__ = ["Frame", "FrameCodec", "check_frames"]

Array = npt.NDArray[Any]
Frame = tuple[int, ...]
# Beyond this a frame is no set of a few notes or events; 2**16 columns would also fill the memory.
MOST_NOTES = 2**16


def check_frames(value: Any, where: str) -> tuple[Frame, ...]:
    """A sequence of frames as tuples of rising numbers.

    Args:
        value: A list of lists of whole numbers from 0; at least one frame, a frame may be empty.
        where: What is being read, for the message.

    Raises:
        DataError: anything else, or a number twice in a frame.
    """
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or not value:
        raise DataError(
            f"{where} expected a list of at least one frame, each a list of numbers, got "
            f"{'an empty list' if value == [] else type(value).__name__}"
        )
    frames = []
    for t, frame in enumerate(value):
        if not isinstance(frame, Sequence) or isinstance(frame, str | bytes):
            raise DataError(f"{where}, step {t}: expected a list of numbers, got {frame!r}")
        for note in frame:
            if isinstance(note, bool) or not isinstance(note, int | np.integer):
                raise DataError(f"{where}, step {t}: expected whole numbers, got {note!r}")
            if not 0 <= note < MOST_NOTES:
                raise DataError(
                    f"{where}, step {t}: expected numbers from 0 below {MOST_NOTES}, got {note}"
                )
        notes = sorted({int(note) for note in frame})
        if len(notes) != len(frame):
            raise DataError(f"{where}, step {t}: a number stands twice: name each once")
        frames.append(tuple(notes))
    return tuple(frames)


@dataclass(frozen=True)
class FrameCodec(AbstractCodec):
    """Frozen after fitting.

    Args:
        width: W; the numbers in a frame are below it.
        dtype: Of the encoded frames.
    """

    kind: ClassVar[str] = "frames"
    width: int
    dtype: Literal["float32", "float64"] = "float32"

    @staticmethod
    def fit(
        cases: Cases, settings: DataSettings, dtype: Literal["float32", "float64"] = "float32"
    ) -> FrameCodec:
        """As wide as `frame_width` says, or as the largest number of the training part asks for.

        Raises:
            DataError: a number does not fit the width.
        """
        largest = max((max(frame, default=-1) for x in cases.inputs for frame in x), default=-1)
        width = settings.frame_width or largest + 1
        if not 0 <= largest < width:
            raise DataError(
                f"expected numbers from 0 below {width} in the frames, the largest is {largest}"
                if largest >= 0
                else "expected frames that hold something, but all of them are empty",
                path=cases.source,
            )
        return FrameCodec(width, dtype)

    @property
    def task(self) -> str:
        """The only one that continues frames."""
        return "generate"

    def signals(self) -> dict[str, Signal]:
        """The frame before."""
        return {"x": Signal("steps", self.width)}

    def many_hot(self, frames: Sequence[Frame]) -> Array:
        """[T, W]: 1 where something sounds.

        Raises:
            DataError: a number is not below the width.
        """
        out = np.zeros((len(frames), self.width), dtype=self.dtype)
        for t, frame in enumerate(frames):
            for note in frame:
                if note >= self.width:
                    raise DataError(
                        f"step {t}: expected numbers from 0 below {self.width}, on which the model "
                        f"was trained, got {note}: leave it out, or train with frame_width above it"
                    )
                out[t, note] = 1
        return out

    def encode(self, x: Any) -> Encoded:
        """One sequence of frames: x, the frame before, and y, the frame itself: both [T, W].

        Raises:
            DataError: as `check_frames` and `many_hot`.
        """
        coming = self.many_hot(check_frames(x, "frames"))
        before = np.concatenate([np.zeros_like(coming[:1]), coming[:-1]])
        return Encoded({"x": before, "y": coming})

    def arrange(self, cases: Cases) -> Cases:
        """The same cases, once it is sure that they are frames."""
        if cases.kind != "frames":
            raise DataError(
                f"expected frames, on which the model was trained, got {cases.kind}",
                path=cases.source,
            )
        return cases

    def encode_cases(self, cases: Cases) -> list[Encoded]:
        """Every sequence; errors name the case."""
        encoded = []
        for frames, name in zip(self.arrange(cases).inputs, cases.ids, strict=True):
            try:
                encoded.append(self.encode(frames))
            except DataError as error:
                raise DataError(f"{cases.source}, case {name!r}: {error}") from None
        return encoded

    def prompt(self, frames: Sequence[Frame]) -> Array:
        """What is fed before the first frame is drawn: zeros, then the prompt's frames, [n, W]."""
        known = self.many_hot(check_frames(frames, "prompt")) if frames else None
        first = np.zeros((1, self.width), dtype=self.dtype)
        return first if known is None else np.concatenate([first, known])

    def frame_of(self, sounding: Array) -> Frame:
        """The numbers where [W] is not 0, rising."""
        return tuple(int(note) for note in np.flatnonzero(sounding))

    def before_first(self) -> Array:
        """Zeros, which stand before the first frame."""
        return np.zeros((1, self.width), dtype=self.dtype)

    def start(self) -> dict[str, Array]:
        """The slots of a new stream: nothing is remembered between frames."""
        return {}

    def step(
        self, observation: Any, time: float | None, slots: Mapping[str, Array]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """One frame of a stream -> {"x": [W]}, and the same slots.

        Raises:
            ObservationError: no list of numbers below the width.
        """
        del time
        try:
            return {"x": self.many_hot(check_frames([observation], "frame"))[0]}, dict(slots)
        except DataError as error:
            raise ObservationError(str(error)) from None

    def case_arrays(self, x: Sequence[Frame]) -> dict[str, Array]:
        """Raw frames as arrays, for the golden pair's file: all numbers, and how many a frame."""
        return {
            "notes": np.array([note for frame in x for note in frame], dtype=np.int64),
            "counts": np.array([len(frame) for frame in x], dtype=np.int64),
        }

    def case_from_arrays(self, arrays: Mapping[str, Array]) -> tuple[Frame, ...]:
        """Read what `case_arrays` gave; anything else is refused with a BundleError."""
        notes, counts = arrays.get("notes"), arrays.get("counts")
        if (
            set(arrays) != {"notes", "counts"}
            or notes is None
            or counts is None
            or any(a.dtype != np.int64 or a.ndim != 1 or (a < 0).any() for a in (notes, counts))
            or counts.sum() != len(notes)
        ):
            raise BundleError("raw frames are kept as their numbers and how many a frame has")
        ends = np.cumsum(counts)
        pairs = zip(ends - counts, ends, strict=True)
        try:
            return check_frames([notes[a:b].tolist() for a, b in pairs], "golden frames")
        except DataError as error:
            raise BundleError(str(error)) from None

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values."""
        return {"kind": self.kind, "width": self.width, "dtype": self.dtype}

    @staticmethod
    def from_json(tree: Any) -> FrameCodec:
        """Read what `to_json` wrote; anything else is refused with a BundleError."""
        tree = json_tree.object_of(tree, "codec", {"kind", "width", "dtype"})
        json_tree.choice(tree["kind"], "codec: kind", (FrameCodec.kind,))
        width = tree["width"]
        if not isinstance(width, int) or isinstance(width, bool) or not 1 <= width <= MOST_NOTES:
            raise BundleError(f"codec: width must be from 1 to {MOST_NOTES}, got {width!r}")
        dtype = json_tree.choice(tree["dtype"], "codec: dtype", ("float32", "float64"))
        return FrameCodec(width, cast(Literal["float32", "float64"], dtype))
