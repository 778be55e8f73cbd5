"""Which backend computes a call, and why not the others.

A named backend that cannot do the case raises; "auto" takes the first that can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor

from recurra import kernels
from recurra.errors import BackendError
from recurra.kernels.checked import PRODUCTS
from recurra.ops import derivatives, fused, native, registered
from recurra.ops.call import Call
from recurra.ops.transforms import compiling

__all__ = ["BACKENDS", "Choice", "choose", "prepare", "run"]


@dataclass(frozen=True)
class Choice:
    """What computes a call.

    Args:
        backend: "native", "torch" or "reference".
        reasons: Why not, for each of the others.
        notes: What else one should know of this call.
    """

    backend: str
    reasons: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        against = [f"not {name}: {reason}" for name, reason in self.reasons.items()]
        return "; ".join([self.backend, *self.notes, *against])


@dataclass(frozen=True)
class _Backend:
    why_not: Callable[[Call], str | None]
    run: Callable[[Call], tuple[Tensor, ...]]


def _run_native(call: Call) -> tuple[Tensor, ...]:
    if compiling():
        return registered.run(call)
    return native.run(call)


# In the order in which "auto" asks them.
BACKENDS: Mapping[str, _Backend] = MappingProxyType(
    {
        "native": _Backend(native.why_not, _run_native),
        "torch": _Backend(fused.why_not, fused.run),
        "reference": _Backend(lambda _: None, derivatives.forward),
    }
)


def choose(call: Call, backend: str) -> Choice:
    """The backend that computes this call.

    Args:
        call: A checked call.
        backend: "auto", or the name of one.

    Raises:
        BackendError: the named one does not exist, or cannot do this call; says why.
    """
    if backend != "auto" and backend not in BACKENDS:
        raise BackendError(f"backend must be auto, {', '.join(BACKENDS)}; got {backend!r}")
    reasons: dict[str, str] = {}
    chosen = None
    for name, candidate in BACKENDS.items():
        reason = candidate.why_not(call)
        if reason is not None:
            reasons[name] = reason
        elif backend not in ("auto", name):
            reasons[name] = f"{backend} was asked for"
        elif chosen is None:
            chosen = name
        else:
            reasons[name] = f"{chosen} comes first"
    if chosen is None:
        raise BackendError(
            f"backend={backend!r} cannot compute this {call.family}: {reasons[backend]}; "
            "take backend='auto', or 'reference', which computes every case"
        )
    return Choice(chosen, reasons, _notes(call, chosen))


def _first(call: Call, backend: str) -> _Backend:
    """The backend that `choose` names, without asking the others why not."""
    for name, candidate in BACKENDS.items():
        if backend in ("auto", name) and candidate.why_not(call) is None:
            return candidate
    return BACKENDS[choose(call, backend).backend]


def _notes(call: Call, chosen: str) -> tuple[str, ...]:
    notes = []
    if torch.is_autocast_enabled(call.x.device.type):
        notes.append("under autocast the recurrence is computed in the dtype of its weights")
    if call.products == "bfloat16":
        notes.append("its products round their factors to bfloat16 and sum in float32")
    elif asked := _asks_for_bfloat16(call):
        reason = _why_not_bfloat16(call) or (
            "float32 was named" if chosen == "native" else f"{chosen} computes it"
        )
        dtype = str(call.x.dtype).removeprefix("torch.")
        notes.append(f"{asked} asks for products of bfloat16, and they are {dtype}: {reason}")
    if chosen == "native":
        notes.append("derivatives beyond the first, and forward-mode ones, are the reference's")
    return tuple(notes)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator] # torch gives no type
def _matmul_precision() -> str:
    """What torch.compile cannot trace; the call is compiled for the precision it found."""
    return torch.get_float32_matmul_precision()


def _asks_for_bfloat16(call: Call) -> str:
    """What asks for products of bfloat16 around this call; empty: nothing does."""
    device = call.x.device.type
    if torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) == torch.bfloat16:
        return "autocast"
    if _matmul_precision() == "medium":
        return 'torch.set_float32_matmul_precision("medium")'
    return ""


def _why_not_bfloat16(call: Call) -> str | None:
    """Why this call's products cannot be of bfloat16; None: they can."""
    if call.x.dtype != torch.float32:
        return f"its arrays are {call.x.dtype}"
    return native.why_not(call) or kernels.why_not_bfloat16()


def prepare(call: Call, backend: str = "auto") -> Call:
    """The call as it is computed: widened where autocast narrowed, checked, its products decided.

    Args:
        call: As it was asked for.
        backend: As `choose` takes it: only the native one rounds.

    Raises:
        BackendError: products of bfloat16 were named and cannot be computed.
        Others as `Call.check`.
    """
    if isinstance(call.x, Tensor) and torch.is_autocast_enabled(call.x.device.type):
        call = call.widened()
    call.check()
    able = backend in ("auto", "native")
    if call.products == "auto":
        rounds = able and _asks_for_bfloat16(call) and _why_not_bfloat16(call) is None
        return replace(call, products="bfloat16" if rounds else "float32")
    if call.products not in PRODUCTS:
        raise BackendError(f"products must be auto, {', '.join(PRODUCTS)}; got {call.products!r}")
    if call.products == "bfloat16":
        reason = _why_not_bfloat16(call) if able else f"backend={backend!r} has none"
        if reason is not None:
            raise BackendError(
                f"products='bfloat16' cannot be computed for this {call.family}: {reason}; "
                "take products='auto'"
            )
    return call


def run(call: Call, backend: str) -> tuple[Tensor, ...]:
    """Prepare the call, choose and compute.

    Raises: as `prepare` and `choose`.
    """
    call = prepare(call, backend)
    compute = _first(call, backend).run
    if torch.is_autocast_enabled(call.x.device.type):
        with torch.autocast(call.x.device.type, enabled=False):
            return compute(call)
    return compute(call)
