"""A line for people stays short, however many names there are."""

from dataclasses import replace

from recurra.codecs import SeriesCodec, TextCodec
from recurra.codecs.missing import Missing
from recurra.runtime.models.described import described_input, named


def test_many_names_are_counted() -> None:
    assert named(["a", 2]) == "a, 2"
    assert named(range(23)).endswith("19 and 3 more")


def test_series_and_texts_are_told() -> None:
    series = SeriesCodec(("a", "b"), (0.0, 0.0), (1.0, 1.0))
    assert described_input(series) == "series of 2 channels: a, b; missing values: refused"
    decay = replace(series, missing=Missing("decay"))
    assert described_input(decay).endswith("missing values: decay")
    assert "2 symbols" in described_input(TextCodec("word", ("a", "b")))
