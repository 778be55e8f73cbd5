"""Networks that run one step at a time: nodes placed one after another, then streams through them.

    program = Program(inputs, dtype)
    first = program.layer(gru.Packed(...), 0)            # reads value 0, the network's input
    program.streams(rows, program.linear(head, first))   # -> the extension's stream

A node's value is known by the whole number that placing it gave; the inputs are 0, 1 and so on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recurra.kernels.call import Array, thread_count
from recurra.kernels.choice import require_native
from recurra.spec.cells import ACTIVATIONS

__all__ = ["MOST_INPUTS", "Program"]

# A step's views of them stand on the extension's stack (native/bind/stream.cc).
MOST_INPUTS = 8


class Program:
    """The stages of a network, in running order; shared and never changed once it has streams.

    Args:
        inputs: Width of what each step brings, 0: one token. Of several, `MOST_INPUTS` at the most:
            name -> width.
        dtype: Of all weights and values, float32 or float64.

    Raises:
        BackendError: the native kernels were not built.
    """

    def __init__(self, inputs: int | Mapping[str, int], dtype: np.dtype[Any]) -> None:
        extension = require_native("a program of stages")
        single = dtype == np.float32
        widths = list(inputs.items()) if isinstance(inputs, Mapping) else [("x", inputs)]
        self._stages = (extension.ProgramFloat32 if single else extension.ProgramFloat64)(widths)
        self._kind = extension.StreamFloat32 if single else extension.StreamFloat64

    def layer(
        self,
        packed: Any,
        source: int,
        *,
        residual: bool = False,
        share_h: float | None = None,
        share_c: float | None = None,
    ) -> int:
        """Place a `gru.Packed`, `lstm.Packed`, `rnn.Packed` or `scan.Packed`.

        Args:
            packed: The weights.
            source: The value that it reads.
            residual: What it reads is added to what it puts out.
            share_h: The share of the new h that a step takes (zoneout); None: all of it.
            share_c: The same for c.
        """
        return int(self._stages.layer(packed.prepared(), source, residual, share_h, share_c))

    def linear(self, packed: Any, source: int, activation: str = "identity") -> int:
        """Place a `linear.Packed` and an activation of what it gives."""
        code = ACTIVATIONS.index(activation)
        return int(self._stages.linear(packed.prepared(), source, code))

    def grud(
        self,
        packed: Any,
        decay: Any,
        holes: Sequence[Array],
        sources: Sequence[int],
        *,
        share_h: float | None = None,
    ) -> int:
        """Place a GRU-D.

        Args:
            packed: The cell, a `gru.Packed` over values and flags, [C + C].
            decay: The `linear.Packed` [H, C] of what h fades by.
            holes: Each feature's mean, and weight and bias of what it fades by, [C] each.
            sources: The values x [C], observed [C] and elapsed [1].
            share_h: As of a layer.
        """
        own = packed.prepared(), decay.prepared()
        return int(self._stages.grud(*own, *holes, *sources, share_h))

    def window(self, source: int, steps: int) -> int:
        """Place the newest `steps` steps of a value side by side, the oldest first."""
        return int(self._stages.window(source, steps))

    def concat(self, left: int, right: int) -> int:
        """Place two values side by side."""
        return int(self._stages.concat(left, right))

    def embedding(self, weight: Array, source: int) -> int:
        """Place a table [tokens, size], C-contiguous."""
        return int(self._stages.embedding(weight, source))

    def pool(self, source: int, modes: Sequence[str]) -> int:
        """Place a pool of "last", "mean" and "max", as many as are named."""
        return int(self._stages.pool(source, *(m in modes for m in ("last", "mean", "max"))))

    def streams(self, rows: int, output: int, threads: int = 1) -> Any:
        """The extension's own stream over `rows` rows that puts out the value `output`.

        Its verbs take C-contiguous arrays, several inputs in a dict by their names: `feed(x, out)`,
        which is `advance(x, out)` (the state stays) and `accept()` (the state is what `advance`
        computed); `save(*slots)` and `load(*slots)` copy the state out and in, slot by slot in
        running order. What does not fit is a ValueError and changes nothing.
        """
        return self._kind(self._stages, rows, output, thread_count(threads))
