"""State as a value: what a layer carries from step to step, and what a session carries in all.

A layer's state is a NamedTuple, even with one field. Its arrays are [B, ...] and belong to
whichever side made them (torch in training, numpy in the runtime). Flat, it is a mapping from the
slot paths of `Graph.state_slots` to arrays; so it is saved, moved and compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import numpy.typing as npt

from recurra.errors import BundleError, StateError
from recurra.spec.tensors import tensors_from_bytes, tensors_to_bytes

__all__ = [
    "STATE_VERSION",
    "BidirectionalState",
    "ConvolutionState",
    "GRUDState",
    "GRUState",
    "LSTMState",
    "MinGRUState",
    "PoolState",
    "RNNState",
    "SessionState",
    "StackState",
    "StatelessState",
    "flatten",
    "map_arrays",
]

# The version of SessionState's record; a record of a newer one is refused.
STATE_VERSION = 1

A = TypeVar("A")
_PARTS = ("codec", "nodes", "decoder", "calibrator")


class GRUState(NamedTuple, Generic[A]):
    """h [B, H]."""

    h: A


class RNNState(NamedTuple, Generic[A]):
    """h [B, H]."""

    h: A


class MinGRUState(NamedTuple, Generic[A]):
    """h [B, H]."""

    h: A


class LSTMState(NamedTuple, Generic[A]):
    """h [B, H], c [B, H]."""

    h: A
    c: A


class StackState(NamedTuple):
    """One state a layer, from the input upwards."""

    layers: tuple[Any, ...]


class BidirectionalState(NamedTuple):
    """The states of the two directions: forward after the last step, backward after the first."""

    forward: Any
    backward: Any


class GRUDState(NamedTuple, Generic[A]):
    """h [B, H]; of each feature its last observed value, `last`, and the time `since`, [B, C]."""

    h: A
    last: A
    since: A


class PoolState(NamedTuple, Generic[A]):
    """seen [B, 1], steps so far; last, mean (the sum), max [B, size], None where not pooled."""

    seen: A
    last: A | None
    mean: A | None
    max: A | None


class ConvolutionState(NamedTuple, Generic[A]):
    """recent [B, width - 1, I]: the newest steps, the newest one last."""

    recent: A


class StatelessState(NamedTuple):
    """The state of a node that keeps nothing."""


def flatten(state: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Path and array of every slot, in the order and with the names of `state_slots`."""
    if isinstance(state, tuple) and hasattr(state, "_fields"):
        for name, value in zip(state._fields, state, strict=True):
            yield from flatten(value, f"{prefix}{name}.")
    elif isinstance(state, tuple):
        for k, value in enumerate(state):
            yield from flatten(value, f"{prefix}{k}.")
    elif state is not None:
        yield prefix.removesuffix("."), state


def map_arrays(function: Any, *states: Any) -> Any:
    """The state that `function` makes of each slot's arrays (None stays None).

    All states must have the same structure: the first one's is kept.
    """
    first = states[0]
    if isinstance(first, tuple):
        if any(not isinstance(s, tuple) or len(s) != len(first) for s in states):
            raise StateError(f"states differ in structure: {[type(s).__name__ for s in states]}")
        parts = [map_arrays(function, *values) for values in zip(*states, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    return None if first is None else function(*states)


@dataclass(frozen=True)
class SessionState:
    """All that a stream has to remember, as one versioned value.

    Args:
        fingerprint: sha256 of the model's graph and weights, in hex; another model refuses it.
        steps: Observations taken so far.
        clock: Time of the newest observation, or None when times are not given.
        codec: Slots of the codec (last observed value, ...).
        nodes: Slots of the graph's nodes by path, each [1, ...] or [streams, ...].
        decoder: Slots of the decoder (beams, smoothing, ...).
        calibrator: Slots of the calibrator.
        version: Of this record.
    """

    fingerprint: str
    steps: int
    clock: float | None
    nodes: Mapping[str, npt.NDArray[Any]]
    codec: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    decoder: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    calibrator: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    version: int = STATE_VERSION

    def to_bytes(self) -> bytes:
        """The record as one safetensors file that carries its own sha256; `from_bytes` reads it."""
        arrays, texts = self._record()
        return tensors_to_bytes(arrays, texts | {"sha256": _digest(arrays, texts)})

    @staticmethod
    def from_bytes(raw: bytes) -> SessionState:
        """Read what `to_bytes` wrote.

        Raises:
            StateError: the bytes are damaged, no state, or of a newer version.
        """
        try:
            arrays, texts = tensors_from_bytes(raw, "state")
        except BundleError as error:
            raise StateError(f"the bytes are no state of a session: {error}") from None
        version = texts.get("version", "")
        if version.isascii() and version.isdecimal() and int(version[:9]) > STATE_VERSION:
            raise StateError(
                f"the state has version {version[:9]}, this recurra reads up to {STATE_VERSION}: "
                "update recurra"
            )
        try:
            parts: dict[str, dict[str, npt.NDArray[Any]]] = {part: {} for part in _PARTS}
            for path, array in arrays.items():
                part, name = path.split("/", 1)
                parts[part][name] = array
            state = SessionState(
                fingerprint=texts["fingerprint"],
                steps=int(texts["steps"]),
                clock=float(texts["clock"]) if texts["clock"] else None,
                version=int(version),
                **parts,
            )
            whole = state.to_bytes() == raw
        except (KeyError, ValueError):
            whole = False
        if not whole:
            raise StateError("the state is damaged: take a copy that was saved whole")
        return state

    def _record(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
        arrays = {
            f"{part}/{name}": array
            for part in _PARTS
            for name, array in getattr(self, part).items()
        }
        texts = {
            "version": str(self.version),
            "fingerprint": self.fingerprint,
            "steps": str(self.steps),
            "clock": "" if self.clock is None else repr(self.clock),
        }
        return arrays, texts

    def same_as(self, other: SessionState) -> bool:
        """Whether both are the same to the bit."""
        return self.to_bytes() == other.to_bytes()


def _digest(arrays: Mapping[str, npt.NDArray[Any]], texts: Mapping[str, str]) -> str:
    return hashlib.sha256(tensors_to_bytes(arrays, texts)).hexdigest()
