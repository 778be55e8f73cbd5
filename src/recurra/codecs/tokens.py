"""Tokens: each step is a word or a character, known by its number in a vocabulary.

Beside its number a token may bring its characters (for words), and the pair that it makes with the
token before it (for characters). Tokens are compared after Unicode normalisation form C.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from recurra.codecs import json_tree
from recurra.codecs.cases import Cases
from recurra.codecs.text import symbols
from recurra.errors import BundleError, DataError, ObservationError
from recurra.spec.node import Signal

__all__ = ["TokenCodec", "check_token", "tokens_of"]

Array = npt.NDArray[Any]
Symbol = Literal["character", "word"]
_KEYS = {"kind", "symbol", "lowercase", "vocabulary", "characters", "longest", "pairs"}

# A longer word keeps its first and its last characters, where prefixes and endings are.
_LONGEST = 24
# A pair seen once in training says nothing that its two tokens do not.
_PAIR_COUNT = 2
# Of a character: 0 is padding, 1 one that training has not shown.
_UNKNOWN = 1


@dataclass(frozen=True)
class TokenCodec:
    """Tokens -> numbers [T] int64; 0 is a token that training did not show often enough.

    Args:
        symbol: What a text is cut into where one is given instead of tokens.
        lowercase: Words are looked up in lower case; characters keep theirs.
        vocabulary: Different tokens; the number of `vocabulary[k]` is k + 1.
        characters: Known characters of the words; empty: words bring none.
        longest: Most characters of a word that are read, W; 0 without characters.
        pairs: Known pairs (number of the token before, of this one), rising; the number of
            `pairs[k]` is k + 1. Ahead of the first token stands V + 1. None: tokens bring no pairs.
    """

    kind: ClassVar[str] = "tokens"
    symbol: Symbol
    lowercase: bool
    vocabulary: tuple[str, ...]
    characters: tuple[str, ...] = ()
    longest: int = 0
    pairs: tuple[tuple[int, int], ...] | None = None

    @staticmethod
    def fit(
        cases: Cases,
        *,
        min_count: int = 1,
        lowercase: bool = False,
        characters: bool = False,
        pairs: bool = False,
    ) -> TokenCodec:
        """The tokens that `cases` show at least `min_count` times, the most frequent first.

        Args:
            cases: Of kind "tokens".
            min_count: A token seen fewer times becomes unknown.
            lowercase: Look words up in lower case.
            characters: Words bring their characters, where any has more than one.
            pairs: Tokens bring the pair that they make with the token before.

        Raises:
            DataError: no token is that frequent.
        """
        sequences = [[_normal(token, lowercase) for token in case] for case in cases.inputs]
        counts = Counter(token for case in sequences for token in case)
        kept = [token for token, count in counts.items() if count >= min_count]
        if not kept:
            raise DataError(
                f"expected tokens seen at least {min_count} times, but none is: lower min_count",
                path=cases.source,
            )
        kept.sort(key=lambda token: (-counts[token], token))
        letters = Counter(c for case in cases.inputs for t in case for c in _normal(t, False))
        longest = max(len(_normal(token, False)) for case in cases.inputs for token in case)
        codec = TokenCodec("word" if longest > 1 else "character", lowercase, tuple(kept))
        if characters and longest > 1:
            known = tuple(sorted(letters, key=lambda c: (-letters[c], c)))
            codec = TokenCodec(
                codec.symbol, lowercase, codec.vocabulary, known, min(longest, _LONGEST)
            )
        if not pairs:
            return codec
        found = Counter(p for case in sequences for p in codec._pairs_of(codec._numbers(case)))
        often = tuple(sorted(p for p, count in found.items() if count >= _PAIR_COUNT))
        return TokenCodec(
            codec.symbol, lowercase, codec.vocabulary, codec.characters, codec.longest, often
        )

    def signals(self) -> dict[str, Signal]:
        """x: tokens; characters: [B, T, W] and pairs: tokens, where tokens bring them."""
        found = {"x": Signal("steps", len(self.vocabulary) + 1, "token")}
        if self.characters:
            found["characters"] = Signal("pieces", len(self.characters) + 2, "token")
        if self.pairs is not None:
            found["pairs"] = Signal("steps", len(self.pairs) + 1, "token")
        return found

    def encode(self, case: Any) -> dict[str, Array]:
        """One case.

        Args:
            case: Its tokens in order, or a text, which is cut by `symbol`.

        Returns:
            Arrays [T] or [T, W], int64, by the names of `signals`.

        Raises:
            DataError: no token, or one that is none.
        """
        tokens = tokens_of(case, self.symbol)
        numbers = self._numbers([_normal(token, self.lowercase) for token in tokens])
        found = {"x": np.array(numbers, np.int64)}
        if self.characters:
            found["characters"] = np.stack([self._pieces(token) for token in tokens])
        if self.pairs is not None:
            found["pairs"] = np.array(
                [self._pair_numbers.get(pair, 0) for pair in self._pairs_of(numbers)], np.int64
            )
        return found

    def start(self) -> dict[str, Array]:
        """The slots of a new stream: the number of the token before, where pairs are brought."""
        if self.pairs is None:
            return {}
        return {"before": np.array(self._first, np.int64)}

    def step(
        self, observation: Any, slots: Mapping[str, Array]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """One token of a stream, by the arithmetic of `encode`.

        Raises:
            ObservationError: not exactly one token.
        """
        try:
            token = check_token(observation)
        except DataError as error:
            raise ObservationError(str(error)) from None
        number = self._numbers([_normal(token, self.lowercase)])[0]
        found = {"x": np.array(number, np.int64)}
        if self.characters:
            found["characters"] = self._pieces(token)
        if self.pairs is None:
            return found, {}
        pair = (int(slots["before"]), number)
        found["pairs"] = np.array(self._pair_numbers.get(pair, 0), np.int64)
        return found, {"before": np.array(number, np.int64)}

    def describe(self) -> str:
        """One line for people."""
        unit = "words" if self.symbol == "word" else "characters"
        more = ", read by their characters too" if self.characters else ""
        more += ", with the pairs of neighbours" if self.pairs is not None else ""
        return f"tokens ({unit}{more}); {len(self.vocabulary):,} are known"

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values."""
        return {
            "kind": self.kind,
            "symbol": self.symbol,
            "lowercase": self.lowercase,
            "vocabulary": list(self.vocabulary),
            "characters": list(self.characters),
            "longest": self.longest,
            "pairs": None if self.pairs is None else [list(pair) for pair in self.pairs],
        }

    @staticmethod
    def from_json(tree: Any) -> TokenCodec:
        """Read what `to_json` wrote; anything else is refused with a BundleError."""
        tree = json_tree.object_of(tree, "codec input", _KEYS)
        json_tree.choice(tree["kind"], "codec input: kind", ("tokens",))
        symbol = json_tree.choice(tree["symbol"], "codec: symbol", ("character", "word"))
        lowercase, longest, pairs = tree["lowercase"], tree["longest"], tree["pairs"]
        vocabulary = json_tree.names(tree["vocabulary"], "codec: vocabulary")
        characters = json_tree.texts(tree["characters"], "codec: characters")
        if not isinstance(lowercase, bool):
            raise BundleError(f"codec: lowercase must be true or false, got {lowercase!r}")
        if any(len(character) != 1 for character in characters):
            raise BundleError("codec: characters must be single ones")
        most = _LONGEST if characters else 0
        if not _is_whole(longest) or not min(1, most) <= longest <= most:
            raise BundleError(f"codec: longest must be a whole number up to {most}")
        if pairs is not None:
            pairs = _pairs_from_json(pairs, len(vocabulary) + 1)
        return TokenCodec(
            "word" if symbol == "word" else "character",
            lowercase,
            vocabulary,
            characters,
            longest,
            pairs,
        )

    def _numbers(self, tokens: Sequence[str]) -> list[int]:
        return [self._tokens.get(token, 0) for token in tokens]

    def _pairs_of(self, numbers: Sequence[int]) -> list[tuple[int, int]]:
        return list(zip([self._first, *numbers], numbers, strict=False))

    def _pieces(self, token: str) -> Array:
        letters = _normal(token, False)
        if len(letters) > self.longest:
            half = self.longest // 2
            letters = letters[: self.longest - half] + letters[len(letters) - half :]
        found = np.zeros(self.longest, np.int64)
        found[: len(letters)] = [self._letters.get(letter, _UNKNOWN) for letter in letters]
        return found

    @property
    def _first(self) -> int:
        return len(self.vocabulary) + 1

    @cached_property
    def _tokens(self) -> dict[str, int]:
        return {token: k for k, token in enumerate(self.vocabulary, start=1)}

    @cached_property
    def _letters(self) -> dict[str, int]:
        return {letter: k for k, letter in enumerate(self.characters, start=_UNKNOWN + 1)}

    @cached_property
    def _pair_numbers(self) -> dict[tuple[int, int], int]:
        return {pair: k for k, pair in enumerate(self.pairs or (), start=1)}


def tokens_of(case: Any, symbol: Symbol) -> list[str]:
    """The tokens of a case: as they are given, or a text cut into symbols.

    Raises:
        DataError: no token, or one that is none; names its place.
    """
    if isinstance(case, str):
        case = symbols(case, symbol)
    if not isinstance(case, list | tuple):
        raise DataError(f"the codec expected a list of tokens or a text, got {type(case).__name__}")
    if not case:
        raise DataError("expected at least one token, got none: leave the case out")
    for step, token in enumerate(case):
        try:
            check_token(token)
        except DataError as error:
            raise DataError(f"step {step}: {error}") from None
    return list(case)


def check_token(token: Any) -> str:
    """Refuse what is no token: another type, blank, no Unicode, a zero character (DataError)."""
    if not isinstance(token, str):
        raise DataError(f"expected a token as a text, got {type(token).__name__}")
    if not token or "\0" in token:
        raise DataError(f"expected a token, got {token!r}")
    try:
        token.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(f"expected a token in valid Unicode, got {token!r}") from None
    return str(token)


def _normal(token: str, lowercase: bool) -> str:
    normal = unicodedata.normalize("NFC", token)
    return normal.lower() if lowercase else normal


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _pairs_from_json(tree: Any, most: int) -> tuple[tuple[int, int], ...]:
    good = isinstance(tree, list) and all(
        isinstance(pair, list)
        and len(pair) == 2
        and all(_is_whole(number) and 0 <= number <= most for number in pair)
        for pair in tree
    )
    pairs = tuple((pair[0], pair[1]) for pair in tree) if good else ()
    if not good or list(pairs) != sorted(set(pairs)):
        raise BundleError("codec: pairs must be different pairs of token numbers, rising")
    return pairs
