"""Texts: a text is cut into symbols, and each symbol becomes its number in a vocabulary.

Two rules, both after Unicode normalisation form C; case is kept:

* character: every code point is a symbol.
* word: a run of characters that are neither space nor punctuation is a symbol (an apostrophe
  between two of them belongs to it: "don't"), and so is each punctuation mark.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from recurra.codecs import json_tree
from recurra.codecs.cases import Cases
from recurra.errors import BundleError, DataError, ObservationError
from recurra.spec.node import Signal

__all__ = ["MARKS", "TextCodec", "symbols"]

Array = npt.NDArray[Any]
Symbol = Literal["character", "word"]

# ASCII punctuation without the underscore, then the punctuation of Latin-1, General Punctuation,
# CJK and the full-width forms.
MARKS = (
    r"!-/:-@\[-\^`{-~\u00a1-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf"
    r"\u2010-\u2027\u2030-\u205e\u3001-\u3003\u3008-\u301f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
_WORD = re.compile(rf"[^\s{MARKS}]+(?:['\u2019][^\s{MARKS}]+)*|[{MARKS}]")


def symbols(text: str, symbol: Symbol) -> list[str]:
    """The symbols of a text, by the rule that `symbol` names."""
    normal = unicodedata.normalize("NFC", text)
    return list(normal) if symbol == "character" else _WORD.findall(normal)


@dataclass(frozen=True)
class TextCodec:
    """A text -> tokens [T] int64; 0 is a symbol that training did not show often enough.

    Args:
        symbol: "character" or "word".
        vocabulary: Different symbols; the token of `vocabulary[k]` is k + 1.
    """

    kind: ClassVar[str] = "text"
    symbol: Symbol
    vocabulary: tuple[str, ...]

    @staticmethod
    def fit(cases: Cases, symbol: Symbol, min_count: int = 1) -> TextCodec:
        """The symbols that `cases` show at least `min_count` times, the most frequent first.

        Raises:
            DataError: no symbol is that frequent.
        """
        counts: Counter[str] = Counter()
        for text in cases.inputs:
            counts.update(symbols(str(text), symbol))
        kept = [name for name, count in counts.items() if count >= min_count]
        if not kept:
            raise DataError(
                f"expected symbols seen at least {min_count} times, but no {symbol} is: "
                "lower min_count",
                path=cases.source,
            )
        kept.sort(key=lambda name: (-counts[name], name))
        return TextCodec(symbol, tuple(kept))

    def signal(self) -> Signal:
        """Tokens, one more than the vocabulary holds."""
        return Signal("steps", len(self.vocabulary) + 1, "token")

    def encode(self, text: Any) -> Array:
        """One text -> tokens [T], int64.

        Raises:
            DataError: not a text, or one without any symbol.
        """
        if not isinstance(text, str):
            raise DataError(f"the codec expected a text, got {type(text).__name__}")
        units = symbols(text, self.symbol)
        if not units:
            raise DataError(f"expected a text of at least one {self.symbol}, got {text!r}")
        return np.array([self._tokens.get(unit, 0) for unit in units], dtype=np.int64)

    def step(self, observation: Any) -> Array:
        """One symbol -> its token [], int64.

        Raises:
            ObservationError: not exactly one symbol.
        """
        if not isinstance(observation, str):
            raise ObservationError(
                f"expected one {self.symbol} as a text, got {type(observation).__name__}"
            )
        units = symbols(observation, self.symbol)
        if len(units) != 1:
            came = observation if len(observation) <= 40 else observation[:37] + "..."
            raise ObservationError(
                f"expected exactly one {self.symbol}, got {len(units)} in {came!r}: "
                "feed them one after the other"
            )
        return np.array(self._tokens.get(units[0], 0), dtype=np.int64)

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values."""
        return {"kind": self.kind, "symbol": self.symbol, "vocabulary": list(self.vocabulary)}

    @staticmethod
    def from_json(tree: Any) -> TextCodec:
        """Read what `to_json` wrote; anything else is refused with a BundleError."""
        tree = json_tree.object_of(tree, "codec input", {"kind", "symbol", "vocabulary"})
        json_tree.choice(tree["kind"], "codec input: kind", ("text",))
        symbol = json_tree.choice(tree["symbol"], "codec: symbol", ("character", "word"))
        rule: Symbol = "word" if symbol == "word" else "character"
        vocabulary = json_tree.names(tree["vocabulary"], "codec: vocabulary")
        for name in vocabulary:
            if symbols(name, rule) != [name]:
                raise BundleError(f"codec: vocabulary must hold single {rule}s, got {name!r}")
        return TextCodec(rule, vocabulary)

    @cached_property
    def _tokens(self) -> dict[str, int]:
        return {name: k for k, name in enumerate(self.vocabulary, start=1)}
