"""One call of a family: its arrays and choices, checked before any kernel sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from recurra.errors import BackendError, DTypeError, ShapeError
from recurra.ops.transforms import compiling, transformed
from recurra.spec.cells import CELLS, AbstractCell
from recurra.spec.kernel import FAMILIES, check_arrays

__all__ = ["STATES", "Call"]

_CELLS: Mapping[str, type[AbstractCell]] = MappingProxyType(
    {cell.family: cell for cell in CELLS.values()}
)
# The state fields of each family: h; h and c.
STATES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {family: cell.state_fields for family, cell in _CELLS.items()}
)
_DTYPE_NAMES: Mapping[torch.dtype, str] = MappingProxyType(
    {
        dtype: str(dtype).removeprefix("torch.")
        for dtype in (
            *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
            *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
            *(torch.complex64, torch.complex128),
        )
    }
)


@dataclass(frozen=True)
class Call:
    """The arguments of one call.

    Args:
        family: "gru", "lstm", "rnn" or "scan".
        arrays: Every field of the family's descriptor, in its order; None where absent.
        choices: activation, reverse, and where the family has them reset and gate_activation.
        products: "float32" (of x's own dtype), "bfloat16" (rounded to it, sums in float32), or
            "auto": as autocast and torch.set_float32_matmul_precision ask.
    """

    family: str
    arrays: Mapping[str, Tensor | None]
    choices: Mapping[str, Any]
    products: str = "float32"

    @property
    def x(self) -> Tensor:
        """Inputs, [B, T, I]."""
        return self.needed("x")

    def needed(self, name: str) -> Tensor:
        """An array that every call has."""
        array = self.arrays[name]
        assert array is not None
        return array

    def given(self) -> tuple[str, ...]:
        """The names of the arrays that are there."""
        return tuple(name for name, array in self.arrays.items() if array is not None)

    def check(self) -> None:
        """Check names, shapes, dtypes, devices and, where it costs no waiting, lengths.

        Raises:
            SpecError: reset or an activation is not one that there is.
            ShapeError: an array is missing, an axis differs, or a length is outside 0..T.
            DTypeError: an array is no tensor, or of a dtype that the call does not take.
            BackendError: arrays on different devices.
        """
        described = []
        for name, array in self.arrays.items():
            if array is None:
                continue
            if not isinstance(array, Tensor):
                raise DTypeError(
                    f"{self.family} expected {name} as a torch tensor, got "
                    f"{type(array).__name__}; make it one with torch.as_tensor"
                )
            described.append((name, array.shape, array.dtype, array.device))
        seen = self.family, tuple(self.choices.items()), tuple(described)
        if compiling():
            # The shapes of a traced graph are symbols: what holds of them is remembered by guards.
            _check(*seen)
        else:
            try:
                _check_once(*seen)
            except DTypeError:
                raise
            except TypeError:
                # What cannot be hashed cannot be remembered: a symbol, or a word that is none.
                _check(*seen)
        self._check_lengths()

    def _check_lengths(self) -> None:
        lengths = self.arrays["lengths"]
        # Elsewhere the answer would have to be waited for, or is not there yet.
        if lengths is None or compiling() or transformed():
            return
        steps = self.x.shape[1]
        if lengths.device.type != "cpu" or not lengths.numel():
            return
        shortest, longest = int(lengths.min()), int(lengths.max())
        if shortest < 0 or longest > steps:
            wrong = shortest if shortest < 0 else longest
            raise ShapeError(
                f"{self.family} expected lengths between 0 and T={steps}, got {wrong}: "
                "cut x, or correct the lengths"
            )

    def widened(self) -> Call:
        """The call as autocast leaves it: what came in half precision, in the weights' dtype."""
        narrow = (torch.bfloat16, torch.float16)
        weight = self.arrays["input_weight"]
        if not isinstance(weight, Tensor) or weight.dtype in narrow:
            return self
        arrays = {
            name: array.to(weight.dtype)
            if isinstance(array, Tensor) and array.dtype in narrow
            else array
            for name, array in self.arrays.items()
        }
        return replace(self, arrays=arrays)

    @staticmethod
    def of(family: str, arguments: Mapping[str, Any], products: str = "float32") -> Call:
        """The call with these arguments, arrays and choices together."""
        table = FAMILIES[family]
        arrays = {name: arguments[name] for name in table}
        choices = {name: value for name, value in arguments.items() if name not in table}
        return Call(family, arrays, choices, products)


# What is known of an array without its values: name, shape, dtype, device.
_Described = tuple[str, tuple[int, ...], torch.dtype, torch.device]


def _check(
    family: str, choices: tuple[tuple[str, Any], ...], described: tuple[_Described, ...]
) -> None:
    """Check all of a call but the values of its arrays; raises as `Call.check`."""
    cell = {name: choice for name, choice in choices if name != "reverse"}
    gates = len(_CELLS[family](input_size=1, hidden_size=1, **cell).gates)
    arrays = {
        name: (shape, _DTYPE_NAMES.get(dtype, str(dtype))) for name, shape, dtype, _ in described
    }
    check_arrays(family, arrays, gates)
    home = next(device for name, _, _, device in described if name == "x")
    for name, _, _, device in described:
        if device != home:
            raise BackendError(
                f"{family} expected {name} on {home} as x is, got {device}; move one of them"
            )


# Training and streaming make the same call again and again, each batch of its own length.
_check_once = lru_cache(maxsize=1024)(_check)
