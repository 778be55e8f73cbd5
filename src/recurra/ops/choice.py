"""Which backend computes a call, and why not the others.

A named backend that cannot do the case raises; "auto" takes the first that can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from recurra.errors import BackendError
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
    if chosen == "native":
        notes.append("derivatives beyond the first, and forward-mode ones, are the reference's")
    return tuple(notes)


def prepare(call: Call) -> Call:
    """The call as it is computed: what autocast narrowed is widened, and all is checked.

    Raises: as `Call.check`.
    """
    if isinstance(call.x, Tensor) and torch.is_autocast_enabled(call.x.device.type):
        call = call.widened()
    call.check()
    return call


def run(call: Call, backend: str) -> tuple[Tensor, ...]:
    """Prepare the call, choose and compute.

    Raises: as `prepare` and `choose`.
    """
    call = prepare(call)
    compute = _first(call, backend).run
    if torch.is_autocast_enabled(call.x.device.type):
        with torch.autocast(call.x.device.type, enabled=False):
            return compute(call)
    return compute(call)
