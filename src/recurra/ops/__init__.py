"""Torch faces of the kernels, the reference, and the choice between them."""

from recurra.ops.choice import Choice
from recurra.ops.recurrence import Backend, gru, lstm, mingru, rnn, why

__all__ = ["Backend", "Choice", "gru", "lstm", "mingru", "rnn", "why"]
