"""Torch faces of the kernels, the reference, and the choice between them."""

from recurra.ops.choice import Choice
from recurra.ops.recurrence import Backend, Products, gru, lstm, mingru, rnn, why

__all__ = ["Backend", "Choice", "Products", "gru", "lstm", "mingru", "rnn", "why"]
