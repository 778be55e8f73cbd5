"""Arrays and texts in Python -> cases; axes are never guessed."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from recurra.codecs.cases import Cases, Label, Timed, unnamed_features
from recurra.codecs.settled import Task, settle_targets
from recurra.codecs.timeline import check_times
from recurra.errors import DataError, ShapeError

__all__ = ["cases_from_arrays", "check_series", "check_text"]

Array = npt.NDArray[Any]
_TASKS: dict[str, Task] = {"auto": "auto", "class": "classify", "number": "regress"}


def cases_from_arrays(
    X: Any,
    y: Any = None,
    *,
    layout: Literal["ntc", "nct"] = "ntc",
    target: Literal["auto", "class", "number"] = "auto",
) -> Cases:
    """Cases of sequences that are already in memory.

    Args:
        X: A list of [T_i, C] arrays, or of `Timed`, arrays with their times; one array
            [N, T, C]; or a list of texts. NaN is a missing value.
        y: N labels (str, int, float, bool) or numbers; None: no targets.
        layout: "nct": the arrays are [C, T_i] and [N, C, T].
        target: "class": y holds labels; "number": numbers; "auto": what `settle_targets` sees.

    Raises:
        ShapeError: other axes, channels that differ between cases, or a y of another length.
        DataError: no case, a length of 0, an infinite value, other types.
    """
    if isinstance(X, str | bytes | dict) or X is None:
        raise DataError(
            f"X expected a list of [T, C] arrays, an array [N, T, C] or a list of texts, "
            f"got {type(X).__name__}"
        )
    if isinstance(X, np.ndarray) and X.dtype.kind == "U" and X.ndim == 1:
        X = X.tolist()
    X = _one_array(X) if hasattr(X, "__array__") else _listed(X)
    if len(X) == 0:
        raise DataError("X expected at least one case, got none")
    ids = tuple(str(i) for i in range(len(X)))
    values, kind = (None, None) if y is None else _targets(y, len(X), _TASKS[target])
    if isinstance(X[0], str):
        texts = tuple(check_text(x, f"X[{i}]") for i, x in enumerate(X))
        return Cases("text", texts, (), ids, "X", values, kind)
    times = _times(X)
    if times is not None:
        X = [x.values for x in X]
    inputs = tuple(_case(x, i, layout) for i, x in enumerate(X))
    for i, clock in enumerate(times or ()):
        if clock.shape != inputs[i].shape[:1]:
            raise ShapeError(f"X[{i}] expected times [T={len(inputs[i])}], got {[*clock.shape]}")
    count = inputs[0].shape[1]
    features = unnamed_features(count)
    for i, x in enumerate(inputs):
        if x.shape[1] != count:
            raise ShapeError(
                f"X expected the same channels in every case, got C={count} in case 0 and "
                f"C={x.shape[1]} in case {i}: check the axes, or give layout="
                f"{'ntc' if layout == 'nct' else 'nct'!r}"
            )
        check_series(x, features, f"X[{i}]")
    return Cases("series", inputs, features, ids, "X", values, kind, times)


def _times(X: Any) -> tuple[Array, ...] | None:
    """The times of `Timed` cases; None where no case has any."""
    timed = [isinstance(x, Timed) for x in X]
    if not any(timed):
        return None
    if not all(timed):
        raise DataError(
            f"X expected times for every case or for none, got none in X[{timed.index(False)}]"
        )
    times = []
    for i, x in enumerate(X):
        try:
            clock = np.asarray(x.times, dtype=np.float64)
            check_times(clock)
        except (DataError, TypeError, ValueError) as error:
            raise DataError(f"X[{i}] expected times [T] that rise: {error}") from None
        times.append(clock)
    return tuple(times)


def check_series(x: Array, features: tuple[str, ...], where: str) -> None:
    """Refuse a case [T, C] of length 0 or with an infinite value, naming the step."""
    if len(x) == 0:
        raise DataError(
            f"{where} expected at least one step, got a sequence of length 0: leave the case out"
        )
    if np.isinf(x).any():
        step, k = (int(i) for i in np.argwhere(np.isinf(x))[0])
        raise DataError(
            f"{where} expected finite numbers, got {x[step, k]} at step {step}, feature "
            f"{features[k]!r}: correct it (NaN is a missing value) or leave the case out"
        )


def check_text(text: Any, where: str) -> str:
    """Refuse what is not a text, is blank or is not valid Unicode."""
    if not isinstance(text, str):
        raise DataError(f"{where} expected a text, got {type(text).__name__}")
    if not text.strip():
        raise DataError(f"{where} expected a text, got an empty one (length 0)")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"{where} expected valid Unicode, got a lone surrogate at character {error.start}"
        ) from None
    return str(text)


def _targets(
    y: Any, count: int, task: Task
) -> tuple[tuple[Label, ...] | Array, Literal["class", "number"]]:
    array = np.asarray(y) if hasattr(y, "__array__") else None
    if isinstance(y, str | bytes | dict) or (array is not None and array.ndim != 1):
        came = list(array.shape) if array is not None else type(y).__name__
        raise ShapeError(f"y expected one value a case, [N={count}], got {came}")
    try:
        values = array.tolist() if array is not None else [_plain(value) for value in y]
    except TypeError:
        raise ShapeError(
            f"y expected one value a case, [N={count}], got {type(y).__name__}"
        ) from None
    if len(values) != count:
        raise ShapeError(
            f"y expected one value for each of {count} cases, got {len(values)}: give one for each"
        )
    return settle_targets(values, task, lambda i, message: DataError(f"y[{i}]: {message}"))


def _listed(X: Any) -> list[Any]:
    try:
        return list(X)
    except TypeError:
        raise DataError(
            f"X expected a list of [T, C] arrays, an array [N, T, C] or a list of texts, got "
            f"{type(X).__name__}: convert it (a lazy table: collect it first)"
        ) from None


def _one_array(X: Any) -> Array:
    array = np.asarray(X)
    if array.dtype.kind == "O":
        raise DataError(
            "X expected numbers, got an array of objects: give a list of [T, C] arrays (list(X))"
        )
    if array.ndim != 3:
        hint = "X[..., None] makes one channel of it" if array.ndim == 2 else "reshape it"
        raise ShapeError(
            f"X expected an array [N, T, C] (layout='ntc') or [N, C, T] (layout='nct'), "
            f"got {list(array.shape)}: {hint}"
        )
    return array


def _case(x: Any, i: int, layout: str) -> Array:
    try:
        array = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise DataError(f"X[{i}] expected an array [T, C]: {error}") from None
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"X[{i}] expected numbers, got elements of type {array.dtype}: convert them, and keep "
            "texts and numbers apart"
        )
    axes = "[C, T]" if layout == "nct" else "[T, C]"
    if array.ndim != 2:
        hint = "x[:, None] makes one channel of it" if array.ndim == 1 else "one case has two axes"
        raise ShapeError(f"X[{i}] expected {axes}, got {list(array.shape)}: {hint}")
    array = array.T if layout == "nct" else array
    if array.shape[1] == 0:
        raise ShapeError(f"X[{i}] expected {axes} with C >= 1, got no channel")
    # A float of more than 64 bits may not fit: it becomes infinite and is refused by its place.
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float64)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
