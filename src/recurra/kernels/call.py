"""One layer's weights packed for the kernels, and its calls, checked against the descriptor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from recurra.errors import BackendError, DTypeError, ShapeError, SpecError
from recurra.kernels import checked, portable
from recurra.kernels.checked import PLACES, PRODUCTS, WEIGHTS, Array, Given, dense
from recurra.kernels.choice import native, require_native, why_not_bfloat16
from recurra.spec.cells import ACTIVATIONS, CELLS, RESETS
from recurra.spec.kernel import check_arrays

__all__ = ["Array", "Given", "Layer", "thread_count", "workspace"]

_STATES = {cell.family: cell.state_fields for cell in CELLS.values()}
# The first values of `kept` say which instruction set wrote it, and the width of its vectors.
KEPT_HEADER = 16


def _gates(family: str, reset: str) -> int:
    """G: how many blocks of rows the weights stack."""
    return {"lstm": 4, "rnn": 1, "scan": 2}.get(family, 2 if reset == "none" else 3)


def _described(arrays: Given) -> dict[str, tuple[tuple[int, ...], str] | None]:
    for name, array in arrays.items():
        if array is not None and not isinstance(array, np.ndarray):
            raise DTypeError(f"expected {name} as a numpy array, got {type(array).__name__}")
    return {n: None if a is None else (a.shape, _name(a.dtype)) for n, a in arrays.items()}


@cache
def _name(dtype: np.dtype[Any]) -> str:
    # numpy works it out anew each time, which takes longer than a step.
    return dtype.name


def thread_count(threads: int) -> int:
    """How many threads a call may use: 0 stands for one for each processor."""
    if threads < 0:
        raise SpecError(f"expected threads >= 0 (0: one for each processor), got {threads}")
    return threads or os.cpu_count() or 1


class Layer:
    """One layer's weights and choices, packed once for many calls.

    Args:
        family: "gru", "lstm", "rnn" or "scan".
        weights: input_weight [G*H, I], recurrent_weight [G*H, H], both biases [G*H] or None; the
            scan has no recurrent ones.
        reset: Of the GRU.
        activation: Of the candidate.
        gate_activation: Of the gates.
        products: "float32" or "bfloat16".
        pack: False: only to be checked, for a backward pass.

    Raises:
        ShapeError: the weights do not fit each other.
        DTypeError: they are not all float32 or all float64.
        SpecError: a choice is not one of its words.
        BackendError: products of bfloat16, where nothing here computes them.
    """

    def __init__(
        self,
        family: str,
        weights: Given,
        *,
        reset: str = "after",
        activation: str = "tanh",
        gate_activation: str = "sigmoid",
        products: str = "float32",
        pack: bool = True,
    ) -> None:
        for name, word, allowed in (
            ("reset", reset, RESETS),
            ("activation", activation, ACTIVATIONS),
            ("gate_activation", gate_activation, ACTIVATIONS),
            ("products", products, PRODUCTS),
        ):
            if word not in allowed:
                raise SpecError(f"{family} expected {name} in {', '.join(allowed)}; got {word!r}")
        self.family, self.states = family, _STATES[family]
        self.choices = {"reset": reset, "activation": activation}
        self.choices["gate_activation"] = gate_activation
        self.gates = _gates(family, reset)
        self._seen = _described(weights)
        self.weights = {name: dense(weights.get(name)) for name in WEIGHTS}
        self._check_weights()
        if products == "bfloat16":
            self._check_bfloat16()
        self._packed: Any = None
        self._codes = checked.codes_of(family, products=products, **self.choices)
        if native() is not None and pack:
            self._packed = checked.pack(self._codes, self.weights)

    def _check_weights(self) -> None:
        # A call without rows and steps: the sizes are the weights' own.
        shape, dtype = self._seen["input_weight"] or ((0, 0), "float32")
        rows = shape[0] // self.gates if shape else 0
        nothing: dict[str, tuple[tuple[int, ...], str]] = {
            "x": ((0, 0, shape[-1] if shape else 0), dtype)
        }
        nothing |= {f"{state}0": ((0, rows), dtype) for state in self.states}
        check_arrays(self.family, self._seen | nothing, self.gates)
        if rows < 1:
            raise ShapeError(f"{self.family} expected input_weight [G*H, I] with H >= 1, got H=0")

    def _check_bfloat16(self) -> None:
        seen = self._seen["input_weight"]
        wide = "the weights are float64" if seen is not None and seen[1] == "float64" else None
        reason = why_not_bfloat16() or wide
        if reason is not None:
            raise BackendError(
                f"{self.family} cannot compute products='bfloat16': {reason}; take 'float32'"
            )

    def prepared(self) -> Any:
        """The extension's own handle on the packed weights.

        Raises:
            BackendError: the native kernels were not built.
        """
        require_native("a handle on packed weights")
        return self._packed.prepared()

    def _check(self, arrays: Given, *, stepwise: bool) -> None:
        sizes = check_arrays(
            self.family, self._seen | _described(arrays), self.gates, stepwise=stepwise
        )
        lengths = arrays.get("lengths")
        if lengths is not None and lengths.size:
            low, high = int(lengths.min()), int(lengths.max())
            if low < 0 or high > sizes["T"]:
                wrong = low if low < 0 else high
                raise ShapeError(
                    f"{self.family} expected lengths from 0 to T={sizes['T']}, got {wrong}"
                )

    def forward(
        self, arrays: Given, *, reverse: bool, threads: int, keep: bool
    ) -> tuple[Array, tuple[Array, ...], Array | None]:
        """Outputs [B, T, H], the last states [B, H] and, with keep, what backward needs."""
        self._check(arrays, stepwise=False)
        threads = thread_count(threads)
        if self._packed is None:
            if keep:
                require_native("keeping what a backward pass needs")
            return *self._portable(arrays, reverse), None
        return checked.forward(self._packed, arrays, reverse=reverse, threads=threads, keep=keep)

    def _portable(self, arrays: Given, reverse: bool) -> tuple[Array, tuple[Array, ...]]:
        rows = self._seen["input_weight"]
        assert rows is not None
        none = np.zeros(rows[0][0], rows[1])
        weights = {name: none if array is None else array for name, array in self.weights.items()}
        return portable.forward(
            self.family, weights, self.choices, arrays, self.states, reverse=reverse
        )

    def backward(
        self, kept: Array, d_outputs: Sequence[Array], arrays: Given, *, reverse: bool, threads: int
    ) -> dict[str, Any]:
        """The gradient of each differentiable field, by name; None where the field is absent.

        Args:
            kept: What `forward` gave with keep.
            d_outputs: Gradients of y [B, T, H] and of each last state [B, H].
            arrays: The arrays that forward took.
            reverse: As forward took it.
            threads: 0: one for each processor.
        """
        require_native("a backward pass")
        self._check(arrays, stepwise=False)
        states = tuple(arrays[f"{s}0"] for s in self.states)
        x = arrays["x"]
        assert x is not None
        assert states[0] is not None
        wanted = [(*x.shape[:2], states[0].shape[1]), *(s.shape for s in states if s is not None)]
        for name, array, shape in zip(("y", *self.states), d_outputs, wanted, strict=True):
            if array.shape != shape:
                raise ShapeError(
                    f"{self.family} expected the gradient of {name} as {list(shape)}, "
                    f"got {list(array.shape)}"
                )
            if array.dtype != x.dtype:
                raise DTypeError(
                    f"{self.family} expected the gradient of {name} in {x.dtype} as x is, "
                    f"got {array.dtype}"
                )
        # The header names the writer's vector: another instruction set may be in use by now.
        width = int(kept[1]) if kept.shape and len(kept) >= KEPT_HEADER and 1 <= kept[1] < 64 else 0
        batch, time, units = wanted[0]
        reset = self.choices["reset"]
        rounded = self._codes[-1]
        length = _kept_length(self.family, batch, time, units, reset, str(x.dtype), width, rounded)
        if kept.shape != (length,) or kept.dtype != x.dtype:
            raise ShapeError(
                f"{self.family} expected kept [{length}] in {x.dtype} as forward gave it, "
                f"got {list(kept.shape)} in {kept.dtype}"
            )
        return checked.backward(
            self._codes,
            kept,
            d_outputs,
            {**self.weights, **arrays},
            reverse=reverse,
            threads=thread_count(threads),
        )

    def step(
        self,
        x: Array,
        states: Sequence[Array],
        given: Given,
        out: Sequence[Array] | None,
        threads: int,
    ) -> tuple[Array, ...]:
        """The states [B, H] after one step of x [B, I], written into out where it is given."""
        results = tuple(map(np.empty_like, states)) if out is None else tuple(out)
        options = [given.get(name) for name in PLACES]
        if self._packed is not None:
            try:
                self._packed.step(x, *(*states, None)[:2], *options, threads, *(*results, None)[:2])
            except (TypeError, ValueError):
                # The extension takes arrays that are in order and says little of others: below
                # they are put in order, or refused with a sentence.
                pass
            else:
                return results
        arrays = {"x": x, **given}
        arrays |= {f"{name}0": state for name, state in zip(self.states, states, strict=True)}
        self._check(arrays, stepwise=True)
        for name, state, result in zip(self.states, states, results, strict=True):
            if result.shape != state.shape or result.dtype != state.dtype:
                raise ShapeError(
                    f"{self.family} expected out for {name} as {list(state.shape)} in "
                    f"{state.dtype}, got {list(result.shape)} in {result.dtype}"
                )
        if self._packed is None:
            rows = {"start_h", "start_c", *(f"{name}0" for name in self.states)}
            whole = {n: a if a is None or n in rows else a[:, None] for n, a in arrays.items()}
            _, new = self._portable(whole, False)
        else:
            new = tuple(map(np.empty, (s.shape for s in states), (s.dtype for s in states)))
            self._packed.step(
                dense(x),
                *(*(dense(state) for state in states), None)[:2],
                *(dense(option) for option in options),
                thread_count(threads),
                *(*new, None)[:2],
            )
        for result, value in zip(results, new, strict=True):
            result[...] = value
        return results


def workspace(
    family: str, batch: int, time: int, units: int, *, reset: str = "after", dtype: str = "float32"
) -> int:
    """How many values `forward` keeps for `backward`: the length of `kept`."""
    return _kept_length(family, batch, time, units, reset, dtype)


def _kept_length(
    family: str,
    batch: int,
    time: int,
    units: int,
    reset: str,
    dtype: str,
    width: int = 0,
    rounded: bool = False,
) -> int:
    """The same for a writer whose vectors hold `width` values; 0: the one in use."""
    extension = require_native("keeping what a backward pass needs")
    width = width or int(extension.vector_bytes()) // (4 if dtype == "float32" else 8)
    panels = (units + width - 1) // width
    values = {"lstm": 6, "rnn": 2, "scan": 3}.get(family) or {"after": 5, "before": 4, "none": 3}[
        reset
    ]
    # Products of bfloat16 keep two values in the place of one.
    return KEPT_HEADER + time * panels * batch * values * width // (2 if rounded else 1)
