"""Byte-pair pieces: a text's bytes, joined in the order in which training found them worth it.

Training the pieces is Hugging Face's `tokenizers` (the `train` extra). Cutting a text with them
needs nothing: the merges travel in the codec's JSON and are applied here, in Python.

    " lower" -> bytes -> join the pair of the lowest rank, again and again -> " low", "er"

A text is first cut into words that keep the space before them, and no piece reaches over two of
them. Every text can be cut, since each of the 256 bytes is a piece; nothing is lost.
Source: Sennrich et al. 2016, arXiv:1508.07909; over bytes as in Radford et al. 2019.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

from recurra.codecs import json_tree
from recurra.codecs.text import MARKS
from recurra.errors import BundleError, DataError, DependencyError

__all__ = ["BytePairs", "spaced_words"]

# A word or a mark, with the one space before it; any other white space by itself.
_SPACED = re.compile(rf" ?[^\s{MARKS}]+(?:['\u2019][^\s{MARKS}]+)*| ?[{MARKS}]|\s")
_BYTES = 256
# Words repeat (Zipf's law): this many different ones cover nearly all of a text.
_REMEMBERED = 2**16


def spaced_words(text: str) -> list[str]:
    """A text in words that keep the space before them; joined they are its normal form C."""
    return _SPACED.findall(unicodedata.normalize("NFC", text))


@dataclass(frozen=True)
class BytePairs:
    """Which pieces there are: piece b is the byte b for b < 256, then one piece a merge.

    Args:
        merges: Pairs of earlier pieces, in the order in which they are joined.

    Raises:
        BundleError: a merge names a piece that does not stand before it, or comes twice.
    """

    kind: ClassVar[str] = "pieces"
    merges: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        for k, pair in enumerate(self.merges):
            if not all(0 <= piece < _BYTES + k for piece in pair):
                raise BundleError(f"codec: merge {k} joins {list(pair)}, which are not before it")
        if len(set(self.merges)) != len(self.merges):
            raise BundleError("codec: merges must differ from one another")

    @staticmethod
    def fit(texts: Iterable[str], size: int, min_count: int = 2) -> BytePairs:
        """The merges that shorten these texts most.

        Args:
            texts: Of the training part, and nothing else.
            size: Most pieces, more than the 256 bytes.
            min_count: A pair seen fewer times is not joined.

        Raises:
            DataError: `size` leaves no room beside the bytes.
            DependencyError: the package `tokenizers` is not installed.
        """
        if size <= _BYTES:
            raise DataError(f"expected more than {_BYTES} pieces, one a byte and then some: {size}")
        try:
            from tokenizers import Tokenizer, models, pre_tokenizers, trainers
        except ImportError:
            raise DependencyError(
                "byte-pair pieces are trained by tokenizers, which is not installed: "
                'pip install "recurra[train]"'
            ) from None
        tokenizer = Tokenizer(models.BPE())
        # Our own rule cuts the words, so that training and the runtime cut alike.
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=max(2, min_count),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        words = (word for text in texts for word in spaced_words(text))
        tokenizer.train_from_iterator(words, trainer)
        return _from_tokenizers(tokenizer.to_str())

    @property
    def size(self) -> int:
        """How many pieces there are."""
        return len(self._pieces)

    def encode(self, text: str) -> list[int]:
        """The pieces of a text."""
        return [piece for word in spaced_words(text) for piece in self._cut(word)]

    def decode(self, pieces: Sequence[int]) -> str:
        """The text of these pieces; bytes that are no UTF-8 become U+FFFD."""
        return b"".join(self._pieces[piece] for piece in pieces).decode("utf-8", "replace")

    def bytes_of(self, piece: int) -> bytes:
        """What one piece stands for: maybe only a part of a character."""
        return self._pieces[piece]

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values."""
        return {"kind": self.kind, "merges": [list(pair) for pair in self.merges]}

    @staticmethod
    def from_json(tree: Any) -> BytePairs:
        """Read what `to_json` wrote; anything else is refused with a BundleError."""
        tree = json_tree.object_of(tree, "codec pieces", {"kind", "merges"})
        json_tree.choice(tree["kind"], "codec pieces: kind", (BytePairs.kind,))
        merges = tree["merges"]
        if not isinstance(merges, list) or not all(_is_pair(pair) for pair in merges):
            raise BundleError("codec: merges must be a list of pairs of whole numbers")
        return BytePairs(tuple((pair[0], pair[1]) for pair in merges))

    @cached_property
    def _pieces(self) -> tuple[bytes, ...]:
        pieces = [bytes([byte]) for byte in range(_BYTES)]
        for left, right in self.merges:
            pieces.append(pieces[left] + pieces[right])
        return tuple(pieces)

    @cached_property
    def _ranks(self) -> dict[tuple[int, int], int]:
        return {pair: rank for rank, pair in enumerate(self.merges)}

    @cached_property
    def _known(self) -> dict[str, tuple[int, ...]]:
        return {}

    def _cut(self, word: str) -> tuple[int, ...]:
        known = self._known.get(word)
        if known is not None:
            return known
        pieces = list(word.encode("utf-8"))
        never = len(self.merges)
        while len(pieces) > 1:
            best = min(pairwise(pieces), key=lambda pair: self._ranks.get(pair, never))
            rank = self._ranks.get(best)
            if rank is None:
                break
            pieces = _joined(pieces, best, _BYTES + rank)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[word] = tuple(pieces)
        return self._known[word]


def _joined(pieces: list[int], pair: tuple[int, int], piece: int) -> list[int]:
    """Every occurrence of `pair`, from the left, as `piece`."""
    out: list[int] = []
    k = 0
    while k < len(pieces):
        if k + 1 < len(pieces) and (pieces[k], pieces[k + 1]) == pair:
            out.append(piece)
            k += 2
        else:
            out.append(pieces[k])
            k += 1
    return out


def _from_tokenizers(text: str) -> BytePairs:
    """The merges of a byte-level tokenizer's own JSON, which writes each byte as a character."""
    model = json.loads(text)["model"]
    number: dict[str, int] = {char: byte for byte, char in _byte_characters().items()}
    merges: list[tuple[int, int]] = []
    for left, right in model["merges"]:
        # Two merges may make the same piece ("ab" + "c", "a" + "bc"): the first one is enough.
        if left + right not in number:
            number[left + right] = _BYTES + len(merges)
            merges.append((number[left], number[right]))
    return BytePairs(tuple(merges))


def _byte_characters() -> dict[int, str]:
    """How byte-level tokenizers write each byte: printable ones as they are, others moved up."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(_BYTES) if byte not in printable]
    table = {byte: chr(byte) for byte in printable}
    return table | {byte: chr(_BYTES + k) for k, byte in enumerate(others)}


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
    )
