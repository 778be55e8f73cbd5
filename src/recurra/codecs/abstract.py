"""What every codec offers: raw cases -> encoded ones, and everything that a bundle keeps of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from recurra.codecs.cases import Cases, Columns
from recurra.errors import BundleError, SpecError
from recurra.spec.batch import Encoded
from recurra.spec.node import Signal

__all__ = ["AbstractCodec"]

Array = npt.NDArray[Any]


class AbstractCodec:
    """The base of all codecs: a frozen value, fitted on the training part only.

    A codec whose model streams also has `start()` and `step(observation, time, slots)`; see
    `SequenceCodec`.
    """

    kind: ClassVar[str]

    @property
    def task(self) -> str:
        """The task that it was fitted for."""
        raise SpecError(f"{type(self).__name__} does not say its task")

    @property
    def columns(self) -> Columns | None:
        """Roles of the training table's columns; None where there was no table."""
        return None

    @property
    def features(self) -> tuple[str, ...]:
        """Names of a series' channels in their order; empty for texts."""
        return ()

    def signals(self) -> dict[str, Signal]:
        """What it feeds to the graphs, by name."""
        raise SpecError(f"{type(self).__name__} does not say what it feeds")

    def before_first(self) -> Array | None:
        """What a network reads ahead of a stream's first observation, [1] or [1, I]; or None."""
        return None

    def encode(self, x: Any) -> Encoded:
        """One raw case, without its target.

        Raises:
            ShapeError: axes that differ from the codec's.
            DataError: a value that cannot be encoded.
        """
        raise SpecError(f"{type(self).__name__} does not encode a {type(x).__name__}")

    def encode_cases(self, cases: Cases) -> list[Encoded]:
        """Every case, with its target where `cases` has targets; errors name the case."""
        raise SpecError(f"{type(self).__name__} does not encode {cases.kind}")

    def arrange(self, cases: Cases) -> Cases:
        """The same cases as training had them: the channels of training in their order.

        Raises:
            DataError: a channel is missing, or the cases are of another kind.
        """
        return cases

    def raw(self, cases: Cases) -> Sequence[Any]:
        """The cases as `encode` takes them one by one."""
        return cases.inputs

    def why_not_streaming(self) -> str | None:
        """None where a stream can be encoded step by step; else the reason why not."""
        return None

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values; `codec_from_json` gives the same codec back."""
        raise SpecError(f"{type(self).__name__} is not written")

    def case_arrays(self, x: Any) -> dict[str, Array]:
        """One raw case as arrays by name, for a bundle's golden pair; one array has the name ""."""
        if isinstance(x, str):
            return {"": np.frombuffer(x.encode("utf-8"), np.uint8)}
        return {"": np.asarray(x, np.float64)}

    def case_from_arrays(self, arrays: Mapping[str, Array]) -> Any:
        """What `case_arrays` was given.

        Raises:
            BundleError: the arrays are none that it gives.
        """
        array = arrays.get("")
        if array is None or len(arrays) != 1:
            raise BundleError(f"a golden input must be one array, got {sorted(arrays)}")
        if array.dtype == np.uint8:
            return text_of(array)
        if array.dtype != np.float64 or array.ndim != 2 or np.isinf(array).any():
            raise BundleError("a golden input must be a text or finite float64 [T, C]")
        return array


def text_of(array: Array) -> str:
    """A text from its UTF-8 bytes, as a golden file keeps it.

    Raises:
        BundleError: they are none.
    """
    if array.dtype != np.uint8 or array.ndim != 1:
        raise BundleError(f"a golden text must be bytes, got {array.dtype} {array.shape}")
    try:
        return array.tobytes().decode("utf-8")
    except UnicodeDecodeError:
        raise BundleError("a golden input is not UTF-8") from None
