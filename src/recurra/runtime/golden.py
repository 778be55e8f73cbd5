"""The golden pair: a few raw inputs with their decoded outputs, replayed at every load.

On the very platform that made the pair the outputs must be the same bits; elsewhere they must lie
within the tolerance that the bundle states.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recurra import kernels
from recurra.codecs import AbstractCodec
from recurra.errors import BundleError, RecurraError
from recurra.spec.version import __version__

if TYPE_CHECKING:
    from recurra.runtime.model import AbstractModel

__all__ = ["Golden", "golden_from_arrays", "this_platform"]

Array = npt.NDArray[Any]

# Platforms differ in the last bits of products and exponentials; a recurrence carries such
# differences along for a whole sequence. Wrong weights or a wrong codec differ by far more.
_TOLERANCES = {"float32": 1e-3, "float64": 1e-8}
# "answer.0"; "input.0" of a case that is one array, else "input.0.text" and so on.
_NAME = re.compile(r"(answer|input)\.(0|[1-9][0-9]{0,3})(?:\.([a-z_]+))?")
# No task's answer has more axes; a forged one shall not.
_MOST_AXES = 4


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
        inputs: Raw cases (series [T, C], texts, ...); at least one.
        answers: The answer to each as numbers, float64.
        platform: Which made the answers, as `this_platform` said there.
        tolerance: Largest absolute difference on another platform.
    """

    inputs: tuple[Any, ...]
    answers: tuple[Array, ...]
    platform: str
    tolerance: float

    @staticmethod
    def record(model: AbstractModel, inputs: Sequence[Any]) -> Golden:
        """Ask `model` for the answers; long cases are cut.

        Raises:
            BundleError: there is no input, or an answer is not finite.
        """
        cases = tuple(model.witness(x) for x in inputs)
        answers = tuple(model.golden(case) for case in cases)
        if not answers or not all(np.isfinite(answer).all() for answer in answers):
            raise BundleError("a bundle needs at least one input whose answer is finite")
        largest = max(1.0, *(float(np.abs(answer).max(initial=0.0)) for answer in answers))
        tolerance = _TOLERANCES[str(model.dtype)] * largest
        return Golden(cases, answers, this_platform(), tolerance)

    def replay(self, model: AbstractModel) -> None:
        """Ask `model` again.

        Raises:
            BundleError: it answers otherwise.
        """
        exact = self.platform == this_platform()
        for k, (case, expected) in enumerate(zip(self.inputs, self.answers, strict=True)):
            try:
                answer = model.golden(case)
            except RecurraError as error:
                raise BundleError(f"the model refuses its own golden input {k}: {error}") from None
            if answer.shape != expected.shape:
                raise BundleError(
                    f"golden input {k}: expected an answer {list(expected.shape)}, "
                    f"got {list(answer.shape)}"
                )
            if exact and answer.tobytes() == expected.tobytes():
                continue
            difference = float(np.abs(answer - expected).max(initial=0.0))
            # Not "difference > tolerance": NaN must not pass.
            if exact or not difference <= self.tolerance:
                allowed = "0 on the platform that made it" if exact else f"{self.tolerance:.2g}"
                raise BundleError(
                    f"golden input {k}: the model answers {difference:.3g} off what it answered "
                    f"when it was saved (allowed: {allowed}): do not use it here; copy the bundle "
                    "again, or reinstall recurra"
                )

    def arrays(self, codec: AbstractCodec) -> dict[str, Array]:
        """For the bundle's file: `answer.k`, and `input.k` or `input.k.<name>` of case k."""
        arrays: dict[str, Array] = {}
        for k, (case, answer) in enumerate(zip(self.inputs, self.answers, strict=True)):
            arrays[f"answer.{k}"] = answer
            for name, array in codec.case_arrays(case).items():
                arrays[f"input.{k}.{name}" if name else f"input.{k}"] = array
        return arrays

    def to_json(self) -> dict[str, Any]:
        """What the manifest says of the pair."""
        return {"isa": self.platform, "tolerance": self.tolerance}


def golden_from_arrays(
    tree: Mapping[str, Any], arrays: Mapping[str, Array], codec: AbstractCodec
) -> Golden:
    """Read what `Golden.to_json` and `Golden.arrays` gave.

    Raises:
        BundleError: anything is missing, unknown or misshapen.
    """
    made, tolerance = tree.get("isa"), tree.get("tolerance")
    if set(tree) != {"isa", "tolerance"} or not isinstance(made, str):
        raise BundleError("manifest.json: golden must say isa and tolerance")
    if not isinstance(tolerance, float) or not 0 < tolerance < float("inf"):
        raise BundleError(f"manifest.json: golden tolerance must be positive, got {tolerance!r}")
    inputs: dict[int, dict[str, Array]] = {}
    answers: dict[int, Array] = {}
    for name, array in arrays.items():
        part = _NAME.fullmatch(name)
        if part is None:
            raise BundleError(f"the golden pair holds {name!r}, which no bundle gives it")
        k = int(part[2])
        if part[1] == "answer":
            answers[k] = _answer(array, k)
        else:
            inputs.setdefault(k, {})[part[3] or ""] = array
    if not answers or not (sorted(answers) == sorted(inputs) == list(range(len(answers)))):
        raise BundleError("the golden pair must hold input 0, answer 0 and so on, nothing else")
    return Golden(
        tuple(codec.case_from_arrays(inputs[k]) for k in range(len(inputs))),
        tuple(answers[k] for k in range(len(answers))),
        made,
        tolerance,
    )


def _answer(array: Array, k: int) -> Array:
    if array.dtype != np.float64 or array.ndim > _MOST_AXES or not np.isfinite(array).all():
        raise BundleError(f"golden answer {k} must be finite float64")
    return array
