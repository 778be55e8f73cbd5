"""Texts to be continued: symbols, words or byte-pair pieces, each predicted from those before it.

    "abc" -> x = [boundary, a, b], y = [a, b, c]; where sequences end: also x = c, y = boundary

Token 0 is a symbol that training did not show, token 1 the boundary: what stands before the first
symbol of a sequence and, where there are many sequences, after its last. Nothing of a text is lost
but what Unicode's normal form C changes: what is decoded joins to the text that was encoded.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from recurra.codecs import json_tree
from recurra.codecs.abstract import AbstractCodec
from recurra.codecs.cases import Cases, Columns
from recurra.codecs.pieces import BytePairs, spaced_words
from recurra.errors import BundleError, DataError, ObservationError
from recurra.spec.batch import Encoded
from recurra.spec.node import Signal

if TYPE_CHECKING:
    from recurra.spec.settings import DataSettings

__all__ = ["BOUNDARY", "UNKNOWN", "CorpusCodec", "Vocabulary", "Writer"]

Array = npt.NDArray[Any]
UNKNOWN = 0
BOUNDARY = 1
# The token of entry k is k + _FIRST.
_FIRST = 2
_SHOWN = 8


@dataclass(frozen=True)
class Vocabulary:
    """Different symbols in their order.

    Args:
        symbol: "character": a code point; "word": as `pieces.spaced_words` cuts.
        entries: At least one.
        complete: Training showed no other symbol, so the model never learnt of an unknown one.
    """

    kind: ClassVar[str] = "vocabulary"
    symbol: Literal["character", "word"]
    entries: tuple[str, ...]
    complete: bool = True

    @staticmethod
    def fit(
        texts: Iterable[str], symbol: Literal["character", "word"], min_count: int = 1
    ) -> Vocabulary:
        """The symbols seen at least `min_count` times, the most frequent first.

        Raises:
            DataError: no symbol is that frequent.
        """
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(_units(text, symbol))
        kept = [name for name, count in counts.items() if count >= min_count]
        if not kept:
            raise DataError(
                f"expected symbols seen at least {min_count} times, but no {symbol} is: "
                "lower min_count"
            )
        kept.sort(key=lambda name: (-counts[name], name))
        return Vocabulary(symbol, tuple(kept), len(kept) == len(counts))

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.entries)

    def units(self, text: str) -> list[str]:
        """The symbols of a text, known or not."""
        return _units(text, self.symbol)

    def encode(self, text: str) -> list[int]:
        """Entry of each symbol; -1 where there is none."""
        return [self._index.get(unit, -1) for unit in self.units(text)]

    def bytes_of(self, entry: int) -> bytes:
        """UTF-8 of one entry."""
        return self.entries[entry].encode("utf-8")

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values."""
        return {
            "kind": self.kind,
            "symbol": self.symbol,
            "entries": list(self.entries),
            "complete": self.complete,
        }

    @staticmethod
    def from_json(tree: Any) -> Vocabulary:
        """Read what `to_json` wrote; anything else is refused with a BundleError."""
        keys = {"kind", "symbol", "entries", "complete"}
        tree = json_tree.object_of(tree, "codec vocabulary", keys)
        symbol = json_tree.choice(tree["symbol"], "codec: symbol", ("character", "word"))
        rule: Literal["character", "word"] = "word" if symbol == "word" else "character"
        entries = json_tree.names(tree["entries"], "codec: entries")
        for name in entries:
            if _units(name, rule) != [name]:
                raise BundleError(f"codec: entries must be single {rule}s, got {name!r}")
        if not isinstance(tree["complete"], bool):
            raise BundleError(f"codec: complete must be true or false, got {tree['complete']!r}")
        return Vocabulary(rule, entries, tree["complete"])

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: k for k, name in enumerate(self.entries)}


@dataclass(frozen=True)
class CorpusCodec(AbstractCodec):
    """Frozen after fitting; learns from the training part only.

    Args:
        units: What a text is cut into.
        ends: A sequence's end is predicted too (there were many sequences, not one running text).
        columns: Roles of the training table's columns; None where there was no table.
    """

    kind: ClassVar[str] = "corpus"
    units: Vocabulary | BytePairs
    ends: bool
    columns: Columns | None = None

    @staticmethod
    def fit(cases: Cases, settings: DataSettings) -> CorpusCodec:
        """The codec that the training part asks for.

        Args:
            cases: Texts; one alone is a running text, several are sequences that end.
            settings: `symbol`, `min_count` and `pieces` are read.

        Raises:
            DataError: no symbol is frequent enough.
        """
        units: Vocabulary | BytePairs
        if settings.symbol == "piece":
            units = BytePairs.fit(cases.inputs, settings.pieces, settings.min_count)
        else:
            units = Vocabulary.fit(cases.inputs, settings.symbol, settings.min_count)
        return CorpusCodec(units, len(cases) > 1, cases.columns)

    @property
    def task(self) -> str:
        """The only one that continues texts."""
        return "generate"

    @property
    def tokens(self) -> int:
        """How many different tokens there are, unknown and boundary among them."""
        return self.units.size + _FIRST

    @property
    def symbol(self) -> str:
        """What a step is called: character, word or piece."""
        return "piece" if isinstance(self.units, BytePairs) else self.units.symbol

    @property
    def never(self) -> tuple[int, ...]:
        """Tokens that a generated text must not hold."""
        return (UNKNOWN,) if self.ends else (UNKNOWN, BOUNDARY)

    def signals(self) -> dict[str, Signal]:
        """Tokens."""
        return {"x": Signal("steps", self.tokens, "token")}

    def tokens_of(self, text: Any) -> Array:
        """The tokens of a text, [n] int64, without boundaries.

        Raises:
            DataError: not a text, or one without any symbol.
        """
        if not isinstance(text, str):
            raise DataError(f"the codec expected a text, got {type(text).__name__}")
        found = np.array(self.units.encode(text), dtype=np.int64)
        if not found.size:
            raise DataError(f"expected a text of at least one {self.symbol}, got {text!r}")
        return np.where(found < 0, UNKNOWN, found + _FIRST)

    def encode(self, x: Any) -> Encoded:
        """One text: x, what is known before each step, and y, what comes: both [T] int64.

        Raises:
            DataError: as `tokens_of`.
        """
        tokens = self.tokens_of(x)
        after = [BOUNDARY] if self.ends else []
        coming = np.append(tokens, np.array(after, dtype=np.int64))
        return Encoded({"x": np.append(BOUNDARY, coming[:-1]), "y": coming})

    def arrange(self, cases: Cases) -> Cases:
        """The same cases, once it is sure that they are texts."""
        if cases.kind != "text":
            raise DataError(
                f"expected texts, on which the model was trained, got {cases.kind}",
                path=cases.source,
            )
        return cases

    def encode_cases(self, cases: Cases) -> list[Encoded]:
        """Every text; errors name the case."""
        encoded = []
        for text, name in zip(self.arrange(cases).inputs, cases.ids, strict=True):
            try:
                encoded.append(self.encode(text))
            except DataError as error:
                raise DataError(f"{cases.source}, case {name!r}: {error}") from None
        return encoded

    def prompt(self, text: str, unknown: Literal["refuse", "read"] = "refuse") -> Array:
        """What is fed before the first symbol is drawn: the boundary, then the prompt's tokens.

        Args:
            text: May be empty: the beginning of a sequence.
            unknown: "read": a symbol that training did not show is read as the unknown one.

        Raises:
            DataError: no text, or a symbol is unknown and the model never learnt of unknown ones.
        """
        if not isinstance(text, str):
            raise DataError(f"prompt expected a text, got {type(text).__name__}")
        units = self.units
        if isinstance(units, Vocabulary) and units.complete and unknown == "refuse":
            known = set(units.entries)
            strange = list(dict.fromkeys(u for u in units.units(text) if u not in known))
            if strange:
                shown = ", ".join(map(repr, strange[:_SHOWN]))
                more = ", ..." if len(strange) > _SHOWN else ""
                raise DataError(
                    f"prompt expected {self.symbol}s that training showed, got {shown}{more}: "
                    "leave them out, or read them as unknown (unknown='read', --unknown read)"
                )
        tokens = self.tokens_of(text) if text else np.empty(0, dtype=np.int64)
        return np.append(BOUNDARY, tokens)

    def writer(self) -> Writer:
        """Tokens as they come -> text as it becomes whole."""
        return Writer(self.units)

    def text_of(self, tokens: Sequence[int] | Array) -> str:
        """The text of these tokens; boundary and unknown ones leave nothing."""
        writer = self.writer()
        return "".join([*(writer.feed(int(token)) for token in tokens), writer.end()])

    def name_of(self, token: int) -> str:
        """How one token is shown to a person."""
        if token < _FIRST:
            return ("<unknown>", "<boundary>")[token]
        return self.units.bytes_of(token - _FIRST).decode("utf-8", "replace")

    def before_first(self) -> Array:
        """The boundary, which stands before a sequence's first symbol."""
        return np.array([BOUNDARY])

    def start(self) -> dict[str, Array]:
        """The slots of a new stream: nothing is remembered between symbols."""
        return {}

    def step(
        self, observation: Any, time: float | None, slots: Mapping[str, Array]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """One symbol of a stream -> {"x": its token []}, and the same slots.

        Raises:
            ObservationError: not exactly one symbol.
        """
        del time
        if not isinstance(observation, str):
            raise ObservationError(
                f"expected one {self.symbol} as a text, got {type(observation).__name__}"
            )
        tokens = self.units.encode(observation)
        if len(tokens) != 1:
            came = observation if len(observation) <= 40 else observation[:37] + "..."
            raise ObservationError(
                f"expected exactly one {self.symbol}, got {len(tokens)} in {came!r}: "
                "feed them one after the other"
            )
        token = UNKNOWN if tokens[0] < 0 else tokens[0] + _FIRST
        return {"x": np.array(token, dtype=np.int64)}, dict(slots)

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values."""
        return {"kind": self.kind, "units": self.units.to_json(), "ends": self.ends} | {
            "columns": None if self.columns is None else {"text": self.columns.text}
        }

    @staticmethod
    def from_json(tree: Any) -> CorpusCodec:
        """Read what `to_json` wrote; anything else is refused with a BundleError."""
        tree = json_tree.object_of(tree, "codec", {"kind", "units", "ends", "columns"})
        json_tree.choice(tree["kind"], "codec: kind", (CorpusCodec.kind,))
        if not isinstance(tree["ends"], bool):
            raise BundleError(f"codec: ends must be true or false, got {tree['ends']!r}")
        units = tree["units"] if isinstance(tree["units"], dict) else {}
        kinds = (Vocabulary.kind, BytePairs.kind)
        kind = json_tree.choice(units.get("kind"), "codec units: kind", kinds)
        read = Vocabulary.from_json if kind == Vocabulary.kind else BytePairs.from_json
        columns = tree["columns"]
        if columns is not None:
            columns = json_tree.object_of(columns, "codec: columns", {"text"})
            if columns["text"] is not None:
                json_tree.text(columns["text"], "codec: column text")
            columns = Columns(text=columns["text"])
        return CorpusCodec(read(units), tree["ends"], columns)


class Writer:
    """Gives out a text token by token; a character in several byte pieces waits to be whole."""

    def __init__(self, units: Vocabulary | BytePairs) -> None:
        self._units = units
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, token: int) -> str:
        """The characters that this token completes."""
        if token < _FIRST:
            return ""
        return self._decoder.decode(self._units.bytes_of(token - _FIRST))

    def end(self) -> str:
        """What was left incomplete, as U+FFFD."""
        return self._decoder.decode(b"", final=True)


def _units(text: str, symbol: Literal["character", "word"]) -> list[str]:
    return spaced_words(text) if symbol == "word" else list(unicodedata.normalize("NFC", text))
