"""Numpy faces of the native kernels, and portable numpy ones where those were not built.

`gru`, `lstm`, `rnn`, `scan` (minGRU) and `linear` take and give numpy arrays; `backend()`,
`isa()` and `why()` say what runs them.
"""

from __future__ import annotations

from recurra.kernels import gru, linear, lstm, rnn, scan
from recurra.kernels.choice import backend, isa, isas, set_isa, why, why_not_bfloat16

__all__ = [
    "backend",
    "gru",
    "isa",
    "isas",
    "linear",
    "lstm",
    "rnn",
    "scan",
    "set_isa",
    "why",
    "why_not_bfloat16",
]
