"""A trained model without torch: numpy, the native kernels, and the standard library.

model = load(folder)
model(cases)                       # whole sequences
session = model.session()
session.feed(observation)          # one step at a time: the same bits
stream = model.network.stream(64)  # without codec and decoder: arrays in, arrays out
stream.feed(x, out=y)
"""

from __future__ import annotations

from recurra.runtime.bundle import Bundle, read_bundle
from recurra.runtime.load import load
from recurra.runtime.model import AbstractModel
from recurra.runtime.models import MODELS, RowModel, model_of
from recurra.runtime.network import Network
from recurra.runtime.parts import Parts, fingerprint
from recurra.runtime.session import Session
from recurra.runtime.stream import Stream
from recurra.runtime.writing import write_bundle

__all__ = [
    "MODELS",
    "AbstractModel",
    "Bundle",
    "Network",
    "Parts",
    "RowModel",
    "Session",
    "Stream",
    "fingerprint",
    "load",
    "model_of",
    "read_bundle",
    "write_bundle",
]
