"""The descriptor of a kernel family: every array with its axes, role and dtype, and the version.

One table serves the numpy faces (which check against it), the C++ contract
(`native/include/recurra/descriptor.h`, same version) and the reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from recurra.errors import DTypeError, ShapeError

__all__ = ["DESCRIPTOR_VERSION", "FAMILIES", "Field", "check_arrays"]

# Raised whenever a family or a field is added, removed or changes its meaning, on both sides at
# once.
DESCRIPTOR_VERSION = 2

Role = Literal["input", "state", "weight", "steps", "noise"]


@dataclass(frozen=True)
class Field:
    """One array of a call.

    Args:
        axes: Letters of B, T, I, H, or "GH" for the stacked gate rows.
        role: input; state; weight; steps (which steps count); noise (drawn by the caller).
        dtype: "real" is float32 or float64, one for the whole call.
        optional: May be absent.
        differentiable: The backward pass gives its gradient.
    """

    axes: tuple[str, ...]
    role: Role
    dtype: Literal["real", "int64", "bool"] = "real"
    optional: bool = False
    differentiable: bool = True


def _family(*states: str, recurrent: bool = True, decay: bool = False) -> Mapping[str, Field]:
    table = {"x": Field(("B", "T", "I"), "input")}
    table |= {f"{s}0": Field(("B", "H"), "state") for s in states}
    table["input_weight"] = Field(("GH", "I"), "weight")
    if recurrent:
        table["recurrent_weight"] = Field(("GH", "H"), "weight")
    table["input_bias"] = Field(("GH",), "weight", optional=True)
    if recurrent:
        table["recurrent_bias"] = Field(("GH",), "weight", optional=True)
    table |= {
        # Valid steps of each row; what stands beyond is never read.
        "lengths": Field(("B",), "steps", "int64", True, False),
        # False: the step is skipped, the state held, the output repeated.
        "valid": Field(("B", "T"), "steps", "bool", True, False),
        # True: the step begins from start_*, also when it is not valid.
        "starts": Field(("B", "T"), "steps", "bool", True, False),
    }
    table |= {f"start_{s}": Field(("B", "H"), "state", optional=True) for s in states}
    # The share of the new value that a step takes: 1 all of it, 0 holds; strides may be 0.
    table |= {f"zoneout_{s}": Field(("B", "T", "H"), "noise", "real", True, False) for s in states}
    if recurrent:
        # Multiplies h_{t-1} ahead of the recurrent product only.
        table["recurrent_dropout"] = Field(("B", "T", "H"), "noise", "real", True, False)
    if decay:
        # Multiplies h_{t-1} wherever it is read in step t (GRU-D); not applied to skipped steps.
        table["decay"] = Field(("B", "T", "H"), "input", optional=True)
    return MappingProxyType(table)


FAMILIES: Mapping[str, Mapping[str, Field]] = MappingProxyType(
    {
        "gru": _family("h", decay=True),
        "lstm": _family("h", "c"),
        "rnn": _family("h"),
        # minGRU: its gates read the input alone.
        "scan": _family("h", recurrent=False),
    }
)


def check_arrays(
    family: str,
    arrays: Mapping[str, tuple[tuple[int, ...], str] | None],
    gates: int,
    *,
    stepwise: bool = False,
) -> dict[str, int]:
    """Check the shapes and dtypes of a call against the table, and give the sizes B, T, I, H.

    Args:
        family: "gru", "lstm", "rnn" or "scan".
        arrays: Name -> (shape, dtype name such as "float32"), or None where absent.
        gates: G.
        stepwise: One step: no array has the axis T, and there are no lengths.

    Raises:
        ShapeError: an array is missing or unknown, or an axis differs.
        DTypeError: dtypes other than the table's, or float32 and float64 mixed.
    """
    table = FAMILIES[family]
    unknown = sorted(set(arrays) - set(table))
    if unknown:
        raise ShapeError(f"{family} takes no array {unknown[0]!r}; it takes {', '.join(table)}")
    sizes: dict[str, int] = {}
    owner: dict[str, str] = {}
    real: tuple[str, str] | None = None
    for name, field in table.items():
        given = arrays.get(name)
        if given is None:
            if not field.optional:
                raise ShapeError(f"{family} needs {name} [{', '.join(field.axes)}], got none")
            continue
        shape, dtype = given
        axes = tuple(a for a in field.axes if not (stepwise and a == "T"))
        if len(shape) != len(axes):
            raise ShapeError(
                f"{family} expected {name} [{', '.join(axes)}] with {len(axes)} axes, "
                f"got {list(shape)}"
            )
        for axis, size in zip(axes, shape, strict=True):
            letter, factor = ("H", gates) if axis == "GH" else (axis, 1)
            if letter not in sizes and size % factor == 0:
                sizes[letter], owner[letter] = size // factor, name
            if sizes.get(letter, -1) * factor != size:
                wanted = (
                    f"{factor * sizes[letter]} as {owner[letter]} says"
                    if letter in sizes
                    else f"a multiple of {factor} gates"
                )
                raise ShapeError(
                    f"{family} expected {name} [{', '.join(axes)}] with {axis}={wanted}, "
                    f"got {list(shape)}"
                )
        if field.dtype == "real":
            if dtype not in ("float32", "float64"):
                raise DTypeError(
                    f"{family} expected {name} in float32 or float64, got {dtype}; convert it"
                )
            if real is not None and real[1] != dtype:
                raise DTypeError(
                    f"{family} expected {name} in {real[1]} as {real[0]} is, got {dtype}; "
                    "convert one of them"
                )
            real = real or (name, dtype)
        elif dtype != field.dtype:
            raise DTypeError(f"{family} expected {name} in {field.dtype}, got {dtype}")
    return sizes
