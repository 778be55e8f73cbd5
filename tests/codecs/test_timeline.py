"""Within a case each time is later than the one before it."""

import numpy as np
import pytest

from recurra.codecs.timeline import check_times, first_fault
from recurra.errors import DataError


def test_rising_times_are_fine() -> None:
    for times in ([], [5.0], [-1.0, 0.0, 0.5]):
        assert first_fault(np.array(times)) is None
        check_times(np.array(times))


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([0, 1, 1, 0], "step 2: expected one row for each time of a case, got the time 1 twice"),
        ([0, 2, 1, 1], "step 2: expected times that rise within a case, got 1 after 2"),
    ],
)
def test_the_first_fault_is_named(times: list[float], words: str) -> None:
    with pytest.raises(DataError, match=words):
        check_times(np.array(times, dtype=float))
