"""`.npz`: arrays x and y, and lengths where cases differ in length.

x [N, T, C]                          equal lengths (axes as `layout` says)
x [N, T, C] with lengths [N]         right padding; nothing beyond a length is read
x [sum of lengths, C] with lengths   cases one after the other
y [N]                                labels or numbers
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from recurra.codecs.arrays import cases_from_arrays
from recurra.codecs.cases import Cases
from recurra.codecs.read_bytes import read_bytes
from recurra.codecs.settled import Task
from recurra.errors import DataError, ShapeError

__all__ = ["read_npz"]

Array = npt.NDArray[Any]
_TARGETS: dict[Task, Literal["auto", "class", "number"]] = {
    "auto": "auto",
    "classify": "class",
    "regress": "number",
}


def read_npz(
    path: Path,
    *,
    layout: Literal["ntc", "nct"] = "ntc",
    task: Task = "auto",
) -> Cases:
    """The cases of an `.npz` archive.

    Raises:
        DataError: damaged, an array missing, holding objects or misshapen.
    """
    arrays = _arrays(path)
    if "x" not in arrays:
        raise DataError(
            f"expected an array x, got {', '.join(sorted(arrays)) or 'none'}: save with "
            "np.savez(file, x=..., y=...)",
            path=path,
        )
    try:
        x: Any = arrays["x"]
        if "lengths" in arrays:
            x, layout = _by_length(x, arrays["lengths"], layout)
        cases = cases_from_arrays(x, arrays.get("y"), layout=layout, target=_TARGETS[task])
    except (DataError, ShapeError) as error:
        raise DataError(str(error), path=path) from None
    return replace(cases, source=str(path))


def _arrays(path: Path) -> dict[str, Array]:
    content = read_bytes(path)
    if not content.startswith(b"PK"):
        raise DataError(
            "expected an .npz archive, got other bytes: write it with np.savez", path=path
        )
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            found = {name: archive[name] for name in archive.files if name in ("x", "y", "lengths")}
    except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds on damaged archives
        if "Object arrays" in str(error):
            raise DataError(
                "expected arrays of numbers or texts, got an array of objects: for cases of "
                "unequal length save x [sum of lengths, C] and lengths [N]",
                path=path,
            ) from None
        raise _damaged(path, type(error).__name__) from None
    for name, array in found.items():
        # numpy hands over a member that is no array as its bytes.
        if not isinstance(array, np.ndarray):
            raise _damaged(path, f"{name} is no array")
    return found


def _damaged(path: Path, why: str) -> DataError:
    return DataError(
        f"expected an .npz archive, got a damaged one ({why}): write it again", path=path
    )


def _by_length(x: Array, lengths: Array, layout: str) -> tuple[list[Array], Literal["ntc"]]:
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or (lengths < 1).any():
        raise DataError(
            f"lengths expected whole numbers >= 1, [N], got {lengths.dtype} {list(lengths.shape)} "
            f"with least {lengths.min() if lengths.size and lengths.dtype.kind in 'iuf' else '?'}"
        )
    if x.ndim == 2 and int(lengths.sum(dtype=np.float64)) == len(x):
        return np.split(x, np.cumsum(lengths)[:-1].astype(np.int64)), "ntc"
    if x.ndim == 3 and len(x) == len(lengths):
        x = x.transpose(0, 2, 1) if layout == "nct" else x
        if (lengths <= x.shape[1]).all():
            return [case[: int(n)] for case, n in zip(x, lengths, strict=True)], "ntc"
    raise ShapeError(
        f"x expected [N={len(lengths)}, T >= {int(lengths.max(initial=0))}, C] or "
        f"[{int(lengths.sum(dtype=np.float64))}, C] as lengths says, got {list(x.shape)}"
    )
