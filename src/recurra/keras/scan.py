"""The loop over time on `keras.ops`, for what the kernels do not compute on torch.

Keras' own loop multiplies each step's input by its weights inside the loop; here that product is
one for all steps, which leaves the recurrent one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

__all__ = ["Step", "dropped", "projected", "scanned"]

States = tuple[Any, ...]


@dataclass(frozen=True)
class Step:
    """How one step is computed.

    Args:
        project: Inputs [B, T, I] -> what the gates read of them, [B, T, G*H].
        advance: The states and a step's projected input [B, G*H] -> the states after it.
    """

    project: Callable[[Any], Any]
    advance: Callable[[States, Any], States]


def scanned(
    step: Step,
    sequences: Any,
    states: Sequence[Any],
    mask: Any,
    go_backwards: bool,
    *,
    unroll: bool,
) -> tuple[Any, list[Any]]:
    """Run a step over time.

    Args:
        step: What to run.
        sequences: Inputs, [B, T, I].
        states: To begin with, each [B, H].
        mask: True at the steps that count, [B, T], or None; at others the states are held.
        go_backwards: From the last step to the first.
        unroll: Without a loop, where the backend can.

    Returns:
        The first state after each step [B, T, H], in the order of computing; the final states.
    """
    ops = keras.ops
    x_gates = ops.transpose(step.project(sequences), (1, 0, 2))
    arrays = {"x": x_gates}
    if mask is not None:
        arrays["counts"] = ops.expand_dims(ops.transpose(mask, (1, 0)), -1)
    if go_backwards:
        arrays = {name: ops.flip(array, 0) for name, array in arrays.items()}

    def run(carry: States, now: dict[str, Any]) -> tuple[States, States]:
        after = step.advance(carry, now["x"])
        if "counts" in now:
            after = tuple(
                ops.where(now["counts"], new, held) for new, held in zip(after, carry, strict=True)
            )
        # TensorFlow's scan wants an output of the same structure as the states.
        return after, after

    final, each = ops.scan(run, tuple(states), arrays, unroll=unroll or 1)
    return ops.transpose(each[0], (1, 0, 2)), list(final)


def dropped(x: Any, masks: Any, gates: int) -> list[Any]:
    """x for each gate, dropped by a mask of its own or by one for all.

    Args:
        x: [B, N].
        masks: None; one array [B, N]; or one for each gate.
        gates: How many.
    """
    if masks is None:
        return [x] * gates
    if isinstance(masks, list | tuple):
        return [x * mask for mask in masks]
    return [x * masks] * gates


def projected(cell: Any, x: Any, masks: Any, gates: int, bias: Any) -> Any:
    """x [B, T, I] times the kernel [I, G*H], each gate's inputs dropped as `dropped` says."""
    ops = keras.ops
    if masks is None or not isinstance(masks, list | tuple):
        seen = x if masks is None else x * ops.expand_dims(masks, 1)
        product = ops.matmul(seen, cell.kernel)
    else:
        parts = ops.split(ops.convert_to_tensor(cell.kernel), gates, axis=1)
        seen = [x * ops.expand_dims(mask, 1) for mask in masks]
        product = ops.concatenate(
            [ops.matmul(one, part) for one, part in zip(seen, parts, strict=True)], axis=-1
        )
    return product if bias is None else product + bias
