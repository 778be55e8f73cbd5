"""Whether the rows of a series keep one beat from their first to their last."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recurra.codecs.calendar import Frequency
from recurra.errors import DataError

__all__ = ["check_beat"]

Array = npt.NDArray[np.float64]
# Rows that are absent by chance, one in two, leave so many equal gaps in a row once in 10^9 rows.
_RUN = 16


def check_beat(times: Array, frequency: Frequency, where: str, *, dated: bool = False) -> None:
    """Refuse times whose distance becomes a multiple of what it was: no holes, another frequency.

    Args:
        times: [T] float64, rising, all on the beat.
        frequency: Of the rows.
        where: What they are, for the message.
        dated: Times are seconds.

    Raises:
        DataError: so many rows in a row stand at one other distance; names the first.
    """
    positions, wrong = frequency.positions(times)
    if wrong is not None:
        return  # it is off the beat, and refused as such
    gaps = np.diff(positions)
    # Where a new run of equal gaps begins.
    begins = np.flatnonzero(np.diff(gaps, prepend=-1) != 0)
    lengths = np.diff(np.append(begins, len(gaps)))
    found = np.flatnonzero((lengths >= _RUN) & (gaps[begins] > 1))
    if len(found):
        first = int(begins[found[0]])
        raise DataError(
            f"{where}, row {first + 2}: expected a row every "
            f"{frequency.told(dated=dated)}, got one every "
            f"{int(gaps[first])} of these from here on: the frequency changes; resample the series "
            "to one frequency, or leave the time column out to count rows"
        )
