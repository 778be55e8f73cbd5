"""Batches of sequences of like length, in an order that is a pure function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recurra.errors import SettingsError

__all__ = ["WINDOW", "epoch_batches", "even_batches"]

# Batches in a window that is sorted by length: padding shrinks with it, and so does the variety of
# neighbours that a sequence meets from epoch to epoch. 16 leaves a few per cent of padding.
WINDOW = 16


def epoch_batches(
    lengths: Sequence[int] | npt.NDArray[np.int64], batch_size: int, seed: int, epoch: int
) -> list[npt.NDArray[np.int64]]:
    """The batches of one epoch: every sequence once.

    Shuffle all, cut into windows of `WINDOW` batches, sort each window by length, cut it into
    batches, shuffle the batches. Ties in length keep the shuffled order.

    Args:
        lengths: Steps of each sequence.
        batch_size: Sequences of a batch; the last batch of the last window may be smaller.
        seed: Of the training.
        epoch: Counted from 1; each has its own order.
    """
    if batch_size < 1:
        raise SettingsError(f"batch_size must be at least 1, got {batch_size}")
    generator = np.random.default_rng(np.random.SeedSequence([seed, 0xBA7C4, epoch]))
    order = generator.permutation(len(lengths)).astype(np.int64)
    steps = np.asarray(lengths)
    batches: list[npt.NDArray[np.int64]] = []
    for begin in range(0, len(order), WINDOW * batch_size):
        window = order[begin : begin + WINDOW * batch_size]
        window = window[np.argsort(steps[window], kind="stable")]
        batches += [window[k : k + batch_size] for k in range(0, len(window), batch_size)]
    return [batches[k] for k in generator.permutation(len(batches))]


def even_batches(
    lengths: Sequence[int] | npt.NDArray[np.int64], batch_size: int
) -> list[npt.NDArray[np.int64]]:
    """The batches of an evaluation: sorted by length, no chance in it; every sequence once."""
    order = np.argsort(np.asarray(lengths), kind="stable").astype(np.int64)
    return [order[k : k + batch_size] for k in range(0, len(order), batch_size)]
