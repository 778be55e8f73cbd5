"""The golden pair: a few raw inputs with their decoded outputs, replayed at every load.

On the very platform that made the pair the outputs must be the same bits; elsewhere they must lie
within the tolerance that the bundle states.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra import kernels
from recurra.errors import BundleError, RecurraError
from recurra.spec.version import __version__

__all__ = ["Golden", "golden_from_arrays", "this_platform"]

Array = npt.NDArray[Any]
Case = Array | str

# Platforms differ in the last bits of products and exponentials; a recurrence carries such
# differences along for a whole sequence. Wrong weights or a wrong codec differ by far more.
_TOLERANCES = {"float32": 1e-3, "float64": 1e-8}
# The pair is replayed at every load, which must stay quick; so many steps use every weight.
_MOST_STEPS = 256


def this_platform() -> str:
    """All that may change an answer's last bits: kernels, numpy's loops, the maths library."""
    found: Any = np.show_config(mode="dicts")
    loops = found.get("SIMD Extensions", {}).get("found") or ["baseline"]
    library = " ".join(platform.libc_ver()).strip() or platform.system()
    return (
        f"recurra {__version__} {kernels.backend()} {kernels.isa()}, "
        f"numpy {np.__version__} {loops[-1]}, {library}"
    )


@dataclass(frozen=True)
class Golden:
    """Raw inputs and what the whole model answered.

    Args:
        inputs: float64 series [T, C], or texts; at least one.
        answers: One decoded output each, float64.
        platform: Which made the answers, as `this_platform` said there.
        tolerance: Largest absolute difference on another platform.
    """

    inputs: tuple[Case, ...]
    answers: tuple[Array, ...]
    platform: str
    tolerance: float

    @staticmethod
    def record(model: Callable[[Any], Array], inputs: Any, dtype: str) -> Golden:
        """Ask `model`, whose weights are of `dtype`, for the answers; long series are cut.

        Raises:
            BundleError: there is no input, or an answer is not finite.
        """
        cases = tuple(
            x if isinstance(x, str) else np.asarray(x, np.float64)[:_MOST_STEPS] for x in inputs
        )
        answers = tuple(np.asarray(model(case), np.float64) for case in cases)
        if not answers or not all(np.isfinite(answer).all() for answer in answers):
            raise BundleError("a bundle needs at least one input whose answer is finite")
        largest = max(1.0, *(float(np.abs(answer).max()) for answer in answers))
        return Golden(cases, answers, this_platform(), _TOLERANCES[dtype] * largest)

    def replay(self, model: Callable[[Any], Array]) -> None:
        """Ask `model` again.

        Raises:
            BundleError: it answers otherwise.
        """
        exact = self.platform == this_platform()
        for k, (case, expected) in enumerate(zip(self.inputs, self.answers, strict=True)):
            try:
                answer = np.asarray(model(case))
            except RecurraError as error:
                raise BundleError(f"the model refuses its own golden input {k}: {error}") from None
            if answer.shape != expected.shape:
                raise BundleError(
                    f"golden input {k}: expected an answer {list(expected.shape)}, "
                    f"got {list(answer.shape)}"
                )
            if exact and answer.tobytes() == expected.tobytes():
                continue
            difference = float(np.abs(answer - expected).max())
            # Not "difference > tolerance": NaN must not pass.
            if exact or not difference <= self.tolerance:
                allowed = "0 on the platform that made it" if exact else f"{self.tolerance:.2g}"
                raise BundleError(
                    f"golden input {k}: the model answers {difference:.3g} off what it answered "
                    f"when it was saved (allowed: {allowed}): do not use it here; copy the bundle "
                    "again, or reinstall recurra"
                )

    def arrays(self) -> dict[str, Array]:
        """For the bundle's file: `input.k` (texts as UTF-8 bytes) and `answer.k`."""
        arrays: dict[str, Array] = {}
        for k, (case, answer) in enumerate(zip(self.inputs, self.answers, strict=True)):
            if isinstance(case, str):
                case = np.frombuffer(case.encode("utf-8"), np.uint8)
            arrays |= {f"input.{k}": case, f"answer.{k}": answer}
        return arrays

    def to_json(self) -> dict[str, Any]:
        """What the manifest says of the pair."""
        return {"isa": self.platform, "tolerance": self.tolerance}


def golden_from_arrays(tree: Mapping[str, Any], arrays: Mapping[str, Array]) -> Golden:
    """Read what `Golden.to_json` and `Golden.arrays` gave.

    Raises:
        BundleError: anything is missing, unknown or misshapen.
    """
    made, tolerance = tree.get("isa"), tree.get("tolerance")
    if set(tree) != {"isa", "tolerance"} or not isinstance(made, str):
        raise BundleError("manifest.json: golden must say isa and tolerance")
    if not isinstance(tolerance, float) or not 0 < tolerance < float("inf"):
        raise BundleError(f"manifest.json: golden tolerance must be positive, got {tolerance!r}")
    count = len(arrays) // 2
    names = {f"{part}.{k}" for part in ("input", "answer") for k in range(count)}
    if not count or set(arrays) != names:
        raise BundleError("the golden pair must hold input.0, answer.0 and so on, nothing else")
    return Golden(
        tuple(_case(arrays[f"input.{k}"], k) for k in range(count)),
        tuple(_answer(arrays[f"answer.{k}"], k) for k in range(count)),
        made,
        tolerance,
    )


def _case(array: Array, k: int) -> Case:
    if array.dtype == np.uint8 and array.ndim == 1:
        try:
            return array.tobytes().decode("utf-8")
        except UnicodeDecodeError:
            raise BundleError(f"golden input {k} is not UTF-8") from None
    if array.dtype != np.float64 or array.ndim != 2 or not np.isfinite(array).all():
        raise BundleError(f"golden input {k} must be a text or finite float64 [T, C]")
    return array


def _answer(array: Array, k: int) -> Array:
    if array.dtype != np.float64 or array.ndim > 2 or not np.isfinite(array).all():
        raise BundleError(f"golden answer {k} must be finite float64")
    return array
