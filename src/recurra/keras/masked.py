"""What comes out at steps that a mask leaves out, as Keras has it on torch."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["outputs_of"]


def outputs_of(y: Any, mask: Any, *, go_backwards: bool, zeros: bool) -> Any:
    """The outputs, where the states [B, T, H] were held at the steps that do not count.

    Args:
        y: The state after each step, in the order in which they were computed.
        mask: True at the steps that count, [B, T], in the order of time; None: all count.
        go_backwards: The order of computing is the reverse of time.
        zeros: Zeros at every step that does not count.
    """
    if mask is None:
        return y
    counts = keras.ops.flip(mask, 1) if go_backwards else mask
    if not zeros:
        # Ahead of its first step a row has no output to repeat.
        counts = keras.ops.cumsum(keras.ops.cast(counts, "int32"), 1) > 0
    return keras.ops.where(keras.ops.expand_dims(counts, -1), y, keras.ops.zeros_like(y))
