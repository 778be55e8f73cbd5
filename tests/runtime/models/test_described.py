"""A line for people stays short, however many names there are."""

from recurra.codecs import SeriesCodec, TextCodec
from recurra.runtime.models.described import described_input, named


def test_many_names_are_counted() -> None:
    assert named(["a", 2]) == "a, 2"
    assert named(range(23)).endswith("19 and 3 more")


def test_series_and_texts_are_told() -> None:
    assert described_input(SeriesCodec(("a", "b"), (0.0, 0.0), (1.0, 1.0))).startswith(
        "series of 2"
    )
    assert "2 symbols" in described_input(TextCodec("word", ("a", "b")))
