"""An alphabet: what one side of a pair is cut into, each symbol with its number.

* character: every code point, after Unicode normalisation.
* space: what stands between white space.
* piece: byte-pair pieces (`codecs.pieces`).

Numbers 0 and 1 are the same in every alphabet: a symbol that training has not shown, and the
boundary that ends a source, begins an output and ends it.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from recurra.codecs import json_tree
from recurra.codecs.pieces import BytePairs
from recurra.errors import BundleError, DataError

__all__ = ["BOUNDARY", "UNKNOWN", "Alphabet", "Normalisation", "Unit", "unit_of"]

Unit = Literal["character", "space", "piece"]
Normalisation = Literal["NFC", "NFD", "NFKC", "NFKD", "none"]
UNITS: tuple[Unit, ...] = get_args(Unit)
NORMALISATIONS: tuple[Normalisation, ...] = get_args(Normalisation)
UNKNOWN = 0
BOUNDARY = 1
_RESERVED = 2
# What a person reads in place of an unknown symbol, as Unicode has it.
_REPLACEMENT = "\ufffd"


@dataclass(frozen=True)
class Alphabet:
    """Texts <-> numbers of symbols.

    Args:
        unit: What a symbol is.
        normalisation: Unicode normalisation form of the texts; "none" leaves them as they are.
        symbols: Those that training has shown; the number of `symbols[k]` is k + 2. Empty for
            pieces.
        pieces: The byte pairs, for "piece" alone.
    """

    unit: Unit
    normalisation: Normalisation
    symbols: tuple[str, ...]
    pieces: BytePairs | None = None

    @staticmethod
    def fit(
        texts: Iterable[str],
        unit: Unit,
        normalisation: Normalisation,
        *,
        min_count: int = 1,
        pieces: int = 1000,
    ) -> Alphabet:
        """The symbols that `texts` show at least `min_count` times, the most frequent first.

        Raises:
            DataError: no symbol is that frequent.
        """
        empty = Alphabet(unit, normalisation, ())
        if unit == "piece":
            normal = [empty.normal(text) for text in texts]
            return Alphabet(unit, normalisation, (), BytePairs.fit(normal, pieces, min_count))
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(empty.cut(text))
        kept = [name for name, count in counts.items() if count >= min_count]
        if not kept:
            raise DataError(
                f"expected symbols seen at least {min_count} times, but none is: lower min_count"
            )
        kept.sort(key=lambda name: (-counts[name], name))
        return Alphabet(unit, normalisation, tuple(kept))

    @property
    def size(self) -> int:
        """How many numbers there are, the two reserved ones included."""
        return _RESERVED + (len(self.symbols) if self.pieces is None else self.pieces.size)

    def normal(self, text: str) -> str:
        """The text in this alphabet's normalisation form."""
        form = self.normalisation
        return text if form == "none" else unicodedata.normalize(form, text)

    def cut(self, text: str) -> list[str]:
        """The symbols of a text, known or not."""
        text = self.normal(text)
        if self.pieces is not None:
            return [self._shown(_RESERVED + piece) for piece in self.pieces.encode(text)]
        return text.split() if self.unit == "space" else list(text)

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's symbols, without boundaries."""
        if self.pieces is not None:
            return [_RESERVED + piece for piece in self.pieces.encode(self.normal(text))]
        return [self._numbers.get(symbol, UNKNOWN) for symbol in self.cut(text)]

    def decode(self, numbers: Sequence[int]) -> str:
        """The text of these numbers, decomposed characters composed again."""
        if self.pieces is not None:
            # Bytes that were cut in the middle of a character become the replacement.
            text = self.pieces.decode([n - _RESERVED for n in numbers if n >= _RESERVED])
        else:
            text = (" " if self.unit == "space" else "").join(map(self._shown, numbers))
        return self.composed(text)

    def composed(self, text: str) -> str:
        """A text as answers are handed out and compared, composed again."""
        form = self.normalisation
        if form == "none":
            return text
        composing: Literal["NFC", "NFKC"] = "NFKC" if "K" in form else "NFC"
        return unicodedata.normalize(composing, self.normal(text))

    def names(self, numbers: Sequence[int]) -> list[str]:
        """What each number shows a person, one by one."""
        return [self._shown(number) for number in numbers]

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values."""
        return {
            "unit": self.unit,
            "normalisation": self.normalisation,
            "symbols": list(self.symbols),
            "pieces": None if self.pieces is None else self.pieces.to_json(),
        }

    @staticmethod
    def from_json(tree: Any, where: str) -> Alphabet:
        """Read what `to_json` wrote; anything else is refused with a BundleError."""
        keys = {"unit", "normalisation", "symbols", "pieces"}
        tree = json_tree.object_of(tree, where, keys)
        unit = next(u for u in UNITS if u == json_tree.choice(tree["unit"], where, UNITS))
        form = json_tree.choice(tree["normalisation"], where, NORMALISATIONS)
        normalisation = next(n for n in NORMALISATIONS if n == form)
        if unit == "piece":
            json_tree.texts(tree["symbols"], f"{where}: symbols")
            if tree["symbols"]:
                raise BundleError(f"{where}: pieces have no symbols beside them")
            return Alphabet(unit, normalisation, (), BytePairs.from_json(tree["pieces"]))
        if tree["pieces"] is not None:
            raise BundleError(f"{where}: {unit} symbols have no pieces")
        alphabet = Alphabet(unit, normalisation, json_tree.names(tree["symbols"], where))
        for symbol in alphabet.symbols:
            if alphabet.cut(symbol) != [symbol]:
                raise BundleError(f"{where}: {symbol!r} is not one {unit} in {normalisation}")
        return alphabet

    def _shown(self, number: int) -> str:
        if number < _RESERVED:
            return _REPLACEMENT if number == UNKNOWN else ""
        if self.pieces is not None:
            return self.pieces.bytes_of(number - _RESERVED).decode("utf-8", "replace")
        return self.symbols[number - _RESERVED]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: k for k, symbol in enumerate(self.symbols, start=_RESERVED)}


def unit_of(texts: Sequence[str]) -> Unit:
    """What texts look cut into: "space" where more than half of them hold space between symbols."""
    spaced = sum(len(text.split()) > 1 for text in texts)
    return "space" if 2 * spaced > len(texts) else "character"
