"""The recurrent families in plain numpy, for where the native kernels were not built.

Every row is computed by itself, one step after another, so no row's bits depend on its neighbours.
There is no backward pass here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ACTIVATIONS", "forward", "linear"]

Array = NDArray[Any]
Activate = Callable[[Array], Array]


def _sigmoid(a: Array) -> Array:
    # 1 / (1 + exp(-a)) overflows for large negative a; this form does not.
    return 0.5 * np.tanh(0.5 * a) + 0.5


ACTIVATIONS: Mapping[str, Activate] = {
    "tanh": np.tanh,
    # np.maximum would turn -0 into 0 or not by its argument order; NaN must pass through.
    "relu": lambda a: np.where(a <= 0, a.dtype.type(0), a),
    "sigmoid": _sigmoid,
    "hard_sigmoid": lambda a: np.clip(a / 6 + 0.5, 0, 1),
    "hard_tanh": lambda a: np.clip(a, -1, 1),
    "softsign": lambda a: a / (1 + np.abs(a)),
    "identity": lambda a: a,
}


def _gru(
    weights: Mapping[str, Array], choices: Mapping[str, str], x: Array, h: Array, fed: Array
) -> tuple[Array]:
    """One step of one row: h is the previous state, fed what the recurrent product reads."""
    gate, activate = ACTIVATIONS[choices["gate_activation"]], ACTIVATIONS[choices["activation"]]
    recurrent, recurrent_bias = weights["recurrent_weight"], weights["recurrent_bias"]
    size, reset = h.shape[0], choices["reset"]
    projected = weights["input_weight"] @ x + weights["input_bias"]
    if reset == "none":
        update_part, candidate_part = np.split(projected + recurrent @ fed + recurrent_bias, 2)
        update, candidate = gate(update_part), activate(candidate_part)
    else:
        gates = 2 * size
        both = gate(projected[:gates] + recurrent[:gates] @ fed + recurrent_bias[:gates])
        reset_gate, update = both[:size], both[size:]
        inner, inner_bias = recurrent[gates:], recurrent_bias[gates:]
        if reset == "after":
            candidate = activate(projected[gates:] + reset_gate * (inner @ fed + inner_bias))
        else:
            candidate = activate(projected[gates:] + inner @ (reset_gate * fed) + inner_bias)
    return (h + update * (candidate - h),)


def _lstm(
    weights: Mapping[str, Array],
    choices: Mapping[str, str],
    x: Array,
    _h: Array,
    fed: Array,
    c: Array,
) -> tuple[Array, Array]:
    gate, activate = ACTIVATIONS[choices["gate_activation"]], ACTIVATIONS[choices["activation"]]
    product = weights["input_weight"] @ x + weights["input_bias"]
    product = product + weights["recurrent_weight"] @ fed + weights["recurrent_bias"]
    entering, forgetting, candidate, leaving = np.split(product, 4)
    c = gate(forgetting) * c + gate(entering) * activate(candidate)
    return gate(leaving) * activate(c), c


def _rnn(
    weights: Mapping[str, Array], choices: Mapping[str, str], x: Array, _h: Array, fed: Array
) -> tuple[Array]:
    product = weights["input_weight"] @ x + weights["input_bias"]
    product = product + weights["recurrent_weight"] @ fed + weights["recurrent_bias"]
    return (ACTIVATIONS[choices["activation"]](product),)


def _scan(
    weights: Mapping[str, Array], choices: Mapping[str, str], x: Array, h: Array, _fed: Array
) -> tuple[Array]:
    gate, activate = ACTIVATIONS[choices["gate_activation"]], ACTIVATIONS[choices["activation"]]
    update, candidate = np.split(weights["input_weight"] @ x + weights["input_bias"], 2)
    return (h + gate(update) * (activate(candidate) - h),)


_CELLS: Mapping[str, Callable[..., tuple[Array, ...]]] = {
    "gru": _gru,
    "lstm": _lstm,
    "rnn": _rnn,
    "scan": _scan,
}


def forward(
    family: str,
    weights: Mapping[str, Array],
    choices: Mapping[str, str],
    arrays: Mapping[str, Array | None],
    states: tuple[str, ...],
    *,
    reverse: bool = False,
) -> tuple[Array, tuple[Array, ...]]:
    """Outputs [B, T, H] and the last states [B, H] of one layer.

    Args:
        family: "gru", "lstm", "rnn" or "scan".
        weights: The four weights; one that the layer has not is zeros.
        choices: `reset`, `activation` and `gate_activation`.
        arrays: The other arrays of the descriptor by name, checked; None where absent.
        states: The names of the states: ("h",) or ("h", "c").
        reverse: Run each row from its last step to its first.
    """
    x = arrays["x"]
    assert x is not None
    batch, time = x.shape[:2]
    given = {name: a for name, a in arrays.items() if a is not None}
    last = [given[f"{s}0"].copy() for s in states]
    y = np.zeros((batch, time, last[0].shape[1]), x.dtype)
    # Infinities and NaN in a row are that row's own; numpy need not warn of them.
    with np.errstate(all="ignore"):
        for b in range(batch):
            length = int(given["lengths"][b]) if "lengths" in given else time
            row = tuple(a[b] for a in last)
            for t in reversed(range(length)) if reverse else range(length):
                row = _step(family, weights, choices, given, states, row, (b, t, length, reverse))
                y[b, t] = row[0]
            for a, value in zip(last, row, strict=True):
                a[b] = value
    return y, tuple(last)


def _step(
    family: str,
    weights: Mapping[str, Array],
    choices: Mapping[str, str],
    given: Mapping[str, Array],
    states: tuple[str, ...],
    row: tuple[Array, ...],
    place: tuple[int, int, int, bool],
) -> tuple[Array, ...]:
    b, t, length, reverse = place
    edge = t + 1 if reverse else t
    if "starts" in given and edge < length and given["starts"][b, edge]:
        row = tuple(
            given[f"start_{s}"][b] if f"start_{s}" in given else np.zeros_like(a)
            for s, a in zip(states, row, strict=True)
        )
    if "valid" in given and not given["valid"][b, t]:
        return row
    h = row[0]
    if "decay" in given:
        h = given["decay"][b, t] * h
    fed = given["recurrent_dropout"][b, t] * h if "recurrent_dropout" in given else h
    new = _CELLS[family](weights, choices, given["x"][b, t], h, fed, *row[1:])
    return tuple(
        old + given[f"zoneout_{s}"][b, t] * (value - old) if f"zoneout_{s}" in given else value
        for s, old, value in zip(states, (h, *row[1:]), new, strict=True)
    )


def linear(x: Array, weight: Array, bias: Array | None, out: Array) -> None:
    """Write x [N, I] times weight [O, I] plus bias into out [N, O], each row by itself."""
    with np.errstate(all="ignore"):
        for row, result in zip(x, out, strict=True):
            np.dot(weight, row, out=result)
            if bias is not None:
                result += bias
