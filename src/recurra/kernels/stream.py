"""Networks that run one step at a time: nodes placed one after another, then streams through them.

    program = Program(inputs, dtype)
    first = program.layer(gru.Packed(...), 0)            # reads value 0, the network's input
    program.streams(rows, program.linear(head, first))   # -> the extension's stream

A node's value is known by the whole number that placing it gave.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.kernels.call import Array, thread_count
from recurra.kernels.choice import require_native

__all__ = ["Program"]


class Program:
    """The stages of a network, in running order; shared and never changed once it has streams.

    Args:
        inputs: Width of what each step brings; 0: one token.
        dtype: Of all weights and values, float32 or float64.

    Raises:
        BackendError: the native kernels were not built.
    """

    def __init__(self, inputs: int, dtype: np.dtype[Any]) -> None:
        extension = require_native("a program of stages")
        single = dtype == np.float32
        self._stages = (extension.ProgramFloat32 if single else extension.ProgramFloat64)(inputs)
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
        """Place a `gru.Packed`, `lstm.Packed` or `rnn.Packed`.

        Args:
            packed: The weights.
            source: The value that it reads.
            residual: What it reads is added to what it puts out.
            share_h: The share of the new h that a step takes (zoneout); None: all of it.
            share_c: The same for c.
        """
        return int(self._stages.layer(packed.prepared(), source, residual, share_h, share_c))

    def linear(self, packed: Any, source: int) -> int:
        """Place a `linear.Packed`."""
        return int(self._stages.linear(packed.prepared(), source))

    def embedding(self, weight: Array, source: int) -> int:
        """Place a table [tokens, size], C-contiguous."""
        return int(self._stages.embedding(weight, source))

    def pool(self, source: int, modes: Sequence[str]) -> int:
        """Place a pool of "last", "mean" and "max", as many as are named."""
        return int(self._stages.pool(source, *(m in modes for m in ("last", "mean", "max"))))

    def streams(self, rows: int, output: int, threads: int = 1) -> Any:
        """The extension's own stream over `rows` rows that puts out the value `output`.

        Its verbs take C-contiguous arrays: `feed(x, out)`, which is `advance(x, out)` (the state
        stays) and `accept()` (the state is what `advance` computed); `save(*slots)` and
        `load(*slots)` copy the state out and in, slot by slot in running order. What does not fit
        is a ValueError and changes nothing.
        """
        return self._kind(self._stages, rows, output, thread_count(threads))
