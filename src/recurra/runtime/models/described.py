"""Words for people about what a model takes and gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recurra.codecs import InputCodec, SeriesCodec
from recurra.spec.counted import counted

__all__ = ["described_input", "known", "named"]

# A line stays readable with thousands of channels or labels.
_MOST_NAMES = 20


def described_input(source: InputCodec) -> str:
    """What a sequence codec reads, in one line."""
    if isinstance(source, SeriesCodec):
        missing = "refused" if source.missing is None else source.missing.strategy
        channels = counted(len(source.features), "channel")
        return f"series of {channels}: {named(source.features)}; missing values: {missing}"
    return f"texts, cut by {source.symbol}; {known(len(source.vocabulary))}"


def known(symbols: int) -> str:
    """So many symbols are known."""
    return f"{counted(symbols, 'symbol')} {'is' if symbols == 1 else 'are'} known"


def named(names: Sequence[Any]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(str(name) for name in names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
