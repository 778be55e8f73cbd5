"""One of a thing is told in the singular, many of it in the plural and with their thousands."""

import pytest

from recurra.spec.counted import counted


@pytest.mark.parametrize(
    ("number", "unit", "words"),
    [
        (1, "case", "1 case"),
        (0, "case", "0 cases"),
        (2000, "held-out sequence", "2,000 held-out sequences"),
        (1, "series", "1 series"),
        (3, "series", "3 series"),
        (1, "class", "1 class"),
        (2, "class", "2 classes"),
    ],
)
def test_a_noun_follows_its_number(number: int, unit: str, words: str) -> None:
    assert counted(number, unit) == words
