"""Which sequences are held out to watch: by sequence, stratified for classes, by the seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import DataError, SettingsError

__all__ = ["split", "split_classes"]

Index = npt.NDArray[np.int64]


def split(cases: int, fraction: float, seed: int) -> tuple[Index, Index]:
    """Training and validation numbers of `cases` sequences, both rising.

    Args:
        cases: How many sequences there are.
        fraction: Share to hold out, rounded; at least one sequence if it is above 0.
        seed: The same seed gives the same split.

    Raises:
        SettingsError: `fraction` is not in [0, 1).
        DataError: nothing would be left to train on.
    """
    _check(cases, fraction)
    if fraction == 0:
        return np.arange(cases), np.arange(0)
    if cases < 2:
        raise DataError(
            f"expected at least 2 sequences to hold one out, got {cases}: "
            "give more sequences, or valid_fraction=0"
        )
    held = min(cases - 1, max(1, round(fraction * cases)))
    order = _generator(seed).permutation(cases)
    return np.sort(order[held:]), np.sort(order[:held])


def split_classes(classes: Sequence[Any], fraction: float, seed: int) -> tuple[Index, Index]:
    """As `split`, each class giving its share.

    The number held out is that of `split`; it is dealt to the classes by largest remainder. A
    class always keeps one sequence for training, so a class of one is never held out.

    Args:
        classes: The class of each sequence.
        fraction: Share to hold out.
        seed: The same seed gives the same split.
    """
    cases = len(classes)
    _check(cases, fraction)
    _, member, counts = np.unique(np.asarray(classes), return_inverse=True, return_counts=True)
    room = counts - 1
    wanted = 0 if fraction == 0 else max(1, round(fraction * cases))
    quota = np.minimum(np.floor(fraction * counts).astype(np.int64), room)
    generator = _generator(seed)
    # The seed breaks ties between equal remainders: else the first classes would always win.
    tie = generator.permutation(len(counts))
    remainder = fraction * counts - quota
    while quota.sum() < min(wanted, room.sum()):
        open_classes = np.flatnonzero(quota < room)
        best = open_classes[np.lexsort((tie[open_classes], -remainder[open_classes]))[0]]
        quota[best] += 1
        remainder[best] -= 1
    held = [
        generator.permutation(np.flatnonzero(member == number))[:take]
        for number, take in enumerate(quota)
    ]
    valid = np.sort(np.concatenate(held)) if held else np.arange(0)
    return np.setdiff1d(np.arange(cases), valid), valid


def _generator(seed: int) -> np.random.Generator:
    # The stream is the split's own: the order of the batches must not depend on what it drew.
    return np.random.default_rng(np.random.SeedSequence([seed, 0x5B117]))


def _check(cases: int, fraction: float) -> None:
    if not 0 <= fraction < 1:
        raise SettingsError(f"valid_fraction must be in [0, 1), got {fraction}")
    if cases < 1:
        raise DataError("expected at least one sequence to train on, got none")
