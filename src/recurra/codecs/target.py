"""Targets: labels <-> class indexes, numbers <-> standardised numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Literal, cast

import numpy as np
import numpy.typing as npt

from recurra.codecs import json_tree
from recurra.codecs.cases import Cases, Label, label_text
from recurra.errors import BundleError, DataError
from recurra.spec.counted import counted

__all__ = ["LabelCodec", "TargetCodec", "ValueCodec", "target_from_json"]

Array = npt.NDArray[Any]
LabelType = Literal["str", "int", "float", "bool"]
_TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
# Labels become numpy arrays when predictions are handed out.
_INT_LIMIT = 2**63


@dataclass(frozen=True)
class LabelCodec:
    """Labels <-> class indexes; a label comes back in the type in which it was given.

    Labels of other sources are compared by their text, so that 1 in Python finds "1" of a CSV.

    Args:
        labels: All of one type, rising; the index of a label is its class.
    """

    kind: ClassVar[str] = "label"
    task: ClassVar[str] = "classify"
    labels: tuple[Label, ...]

    @staticmethod
    def fit(cases: Cases) -> LabelCodec:
        """The labels that `cases` holds.

        Raises:
            DataError: no target, one class only, or labels of several types.
        """
        values = cases.target_values()
        column = cases.columns.target if cases.columns else None
        types = sorted({type(value).__name__ for value in values})
        if len(types) != 1 or types[0] not in _TYPES:
            raise DataError(
                f"expected labels of one type (str, int, float or bool), got {', '.join(types)}: "
                "convert them, for example to str",
                path=cases.source,
                column=column,
            )
        labels = sorted(set(values))
        if len(labels) < 2:
            raise DataError(
                f"expected at least two classes, got only {labels[0]!r} in all {len(values)} "
                "cases of the training part: add cases of another class, or name another target",
                path=cases.source,
                column=column,
            )
        return LabelCodec(tuple(labels))

    @property
    def size(self) -> int:
        """Outputs that the head needs: one a class."""
        return len(self.labels)

    def index(self, label: Label) -> int:
        """The class of a label.

        Raises:
            DataError: a label that training has not seen.
        """
        found = self._index.get(label_text(label))
        if found is None:
            known = ", ".join(repr(known) for known in self.labels[:10])
            more = ", ..." if self.size > 10 else ""
            raise DataError(
                f"expected a label seen in training ({known}{more}), got {label!r}: leave the case "
                "out, or train with it"
            )
        return found

    def encode(self, label: Label) -> Array:
        """Class index [], int64."""
        return np.array(self.index(label), dtype=np.int64)

    def decode(self, index: Any) -> Array:
        """Class indexes [...] -> labels [...] as a numpy array of the labels' type."""
        return self._array[np.asarray(index, dtype=np.int64)]

    def label(self, index: int) -> Label:
        """The label of one class, as a plain Python value."""
        return self.labels[index]

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values."""
        return {
            "kind": self.kind,
            "type": type(self.labels[0]).__name__,
            "labels": list(self.labels),
        }

    @staticmethod
    def from_json(tree: Any) -> LabelCodec:
        """Read what `to_json` wrote; anything else is refused with a BundleError."""
        tree = json_tree.object_of(tree, "codec target", {"kind", "type", "labels"})
        name = json_tree.choice(tree["type"], "codec: label type", tuple(_TYPES))
        labels = tree["labels"]
        if not isinstance(labels, list) or len(labels) < 2:
            raise BundleError("codec: labels must be a list of at least two")
        for label in labels:
            if type(label) is not _TYPES[name]:
                raise BundleError(f"codec: labels must be of type {name}, got {label!r}")
            try:
                check_label(label)
            except DataError as error:
                raise BundleError(f"codec: {error}") from None
        if any(a >= b for a, b in pairwise(labels)):
            raise BundleError("codec: labels must rise")
        return LabelCodec(tuple(labels))

    @cached_property
    def _index(self) -> dict[str, int]:
        return {label_text(label): k for k, label in enumerate(self.labels)}

    @cached_property
    def _array(self) -> Array:
        return np.array(self.labels)


@dataclass(frozen=True)
class ValueCodec:
    """Numbers <-> numbers of mean 0 and spread 1 over the training part.

        y' = (y - mean) / scale

    Args:
        mean: Of the training targets.
        scale: Their standard deviation, positive.
        dtype: Of the encoded target.
    """

    kind: ClassVar[str] = "value"
    task: ClassVar[str] = "regress"
    mean: float
    scale: float
    dtype: Literal["float32", "float64"] = "float32"

    @staticmethod
    def fit(cases: Cases, dtype: Literal["float32", "float64"] = "float32") -> ValueCodec:
        """Mean and standard deviation of the targets of `cases`.

        Raises:
            DataError: a target is no number, or all are the same.
        """
        values = np.array([as_number(value) for value in cases.target_values()], dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, scale = float(values.mean()), float(values.std())
        column = cases.columns.target if cases.columns else None
        if values.min() == values.max():
            raise DataError(
                f"expected targets that vary, got {values[0]:g} in all "
                f"{counted(len(values), 'case')} of the training part: name another target",
                path=cases.source,
                column=column,
            )
        if not (math.isfinite(mean) and math.isfinite(scale) and scale > 0):
            raise DataError(
                "expected targets whose mean and spread float64 can hold: change their unit",
                path=cases.source,
                column=column,
            )
        return ValueCodec(mean, scale, dtype)

    @property
    def size(self) -> int:
        """Outputs that the head needs."""
        return 1

    def encode(self, value: Label) -> Array:
        """Standardised target [1] in `dtype`."""
        return np.array([(as_number(value) - self.mean) / self.scale], dtype=self.dtype)

    def decode(self, values: Any) -> Array:
        """Standardised numbers [...] -> numbers [...] in the target's unit, float64."""
        return np.asarray(values, dtype=np.float64) * self.scale + self.mean

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values."""
        return {"kind": self.kind, "mean": self.mean, "scale": self.scale, "dtype": self.dtype}

    @staticmethod
    def from_json(tree: Any) -> ValueCodec:
        """Read what `to_json` wrote; anything else is refused with a BundleError."""
        tree = json_tree.object_of(tree, "codec target", {"kind", "mean", "scale", "dtype"})
        (mean,) = json_tree.numbers([tree["mean"]], "codec: target mean")
        (scale,) = json_tree.numbers([tree["scale"]], "codec: target scale", positive=True)
        dtype = json_tree.choice(tree["dtype"], "codec: target dtype", ("float32", "float64"))
        return ValueCodec(mean, scale, cast(Literal["float32", "float64"], dtype))


TargetCodec = LabelCodec | ValueCodec


def target_from_json(tree: Any) -> TargetCodec:
    """Read either kind; anything else is refused with a BundleError."""
    if not isinstance(tree, dict):
        raise BundleError(f"codec target must be an object, got {type(tree).__name__}")
    kind = json_tree.choice(tree.get("kind"), "codec target: kind", ("label", "value"))
    return LabelCodec.from_json(tree) if kind == "label" else ValueCodec.from_json(tree)


def check_label(label: Any) -> None:
    """Refuse what cannot be a label: blank, no Unicode, not finite, beyond int64 (DataError)."""
    if not isinstance(label, str | int | float | bool):
        raise DataError(f"expected a label or a number, got {type(label).__name__}")
    if isinstance(label, str):
        try:
            label.encode("utf-8")
        except UnicodeEncodeError:
            raise DataError(f"expected a label in valid Unicode, got {label!r}") from None
        if not label.strip():
            raise DataError("expected a label, got an empty text: give the case a label")
        # numpy's arrays of texts lose them at the end.
        if "\0" in label:
            raise DataError(f"expected a label without zero characters, got {label!r}")
    elif isinstance(label, int) and not -_INT_LIMIT <= label < _INT_LIMIT:
        raise DataError("expected a label within 64 bits, got a larger number: write it as a text")
    elif isinstance(label, float) and not math.isfinite(label):
        raise DataError(f"expected a finite label, got {label}: correct it")


def as_number(value: Label) -> float:
    """The target as a finite float.

    Raises:
        DataError: it is none.
    """
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool):
        raise DataError(
            f"expected a number as target, got {value!r}: correct it, or set task=classify"
        )
    return number
