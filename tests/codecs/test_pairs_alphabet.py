"""Texts become numbers and come back; what training has not shown is number 0."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from recurra.codecs.pairs_alphabet import BOUNDARY, UNKNOWN, Alphabet, unit_of
from recurra.errors import BundleError, DataError


def test_characters_come_back() -> None:
    """The most frequent first, ties by the symbol; an unknown one shows the replacement."""
    alphabet = Alphabet.fit(["abb", "bc"], "character", "NFC")
    assert alphabet.symbols == ("b", "a", "c")
    assert alphabet.size == 5
    assert alphabet.encode("cab") == [4, 3, 2]
    assert alphabet.encode("axb") == [3, UNKNOWN, 2]
    assert alphabet.decode([3, UNKNOWN, 2, BOUNDARY]) == "a\ufffdb"
    assert alphabet.names([2, BOUNDARY]) == ["b", ""]
    assert Alphabet.fit(["abb", "bc"], "character", "NFC", min_count=2).symbols == ("b",)
    with pytest.raises(DataError, match="seen at least 9 times"):
        Alphabet.fit(["abb"], "character", "NFC", min_count=9)


def test_symbols_between_spaces() -> None:
    """Any run of white space parts them; one space joins them."""
    alphabet = Alphabet.fit(["k a̠ m", "a̠ː"], "space", "none")
    assert set(alphabet.symbols) == {"k", "a̠", "m", "a̠ː"}
    assert alphabet.decode(alphabet.encode(" m  a̠ː k ")) == "m a̠ː k"


def test_normalisation_is_by_name() -> None:
    """A Korean syllable is two or three letters in NFD, and an answer is composed again."""
    word = "가감"
    assert len(Alphabet.fit([word], "character", "NFC").encode(word)) == 2
    decomposed = Alphabet.fit([word], "character", "NFD")
    assert len(decomposed.encode(word)) == 5
    assert decomposed.decode(decomposed.encode(word)) == word
    assert decomposed.composed(unicodedata.normalize("NFD", word)) == word
    assert Alphabet.fit(["ﬁ"], "character", "NFKC").symbols == ("f", "i")
    assert Alphabet.fit(["ﬁ"], "character", "NFKD").composed("ﬁ") == "fi"
    plain = Alphabet.fit([unicodedata.normalize("NFD", "é")], "character", "none")
    assert plain.composed("e\u0301") == "e\u0301"


def test_pieces_come_back() -> None:
    """Every text can be cut into byte pairs, known or not."""
    pytest.importorskip("tokenizers")
    alphabet = Alphabet.fit(["low lower lowest"] * 3, "piece", "NFC", pieces=262)
    assert alphabet.size == 2 + alphabet.pieces.size
    for text in ("lower low", "日本"):
        assert alphabet.decode(alphabet.encode(text)) == text
    assert "".join(alphabet.cut("lower low")) == "lower low"
    assert len(alphabet.encode("low")) < 3
    assert Alphabet.from_json(alphabet.to_json(), "codec") == alphabet


def test_the_unit_is_seen_in_the_texts() -> None:
    """Symbols apart by spaces where most texts hold some."""
    assert unit_of(["k a m", "a", "b c"]) == "space"
    assert unit_of(["abc", "a b", "c"]) == "character"


def test_json_gives_the_same_alphabet() -> None:
    """And nothing else is read."""
    alphabet = Alphabet.fit(["가 감"], "space", "NFD")
    tree: Any = alphabet.to_json()
    assert Alphabet.from_json(tree, "codec") == alphabet
    forged = [
        tree | {"unit": "byte"},
        tree | {"normalisation": "NFX"},
        tree | {"symbols": ["a b"]},
        tree | {"symbols": ["가"]},  # composed, in an alphabet that decomposes
        tree | {"symbols": []},
        tree | {"pieces": {"kind": "pieces", "merges": []}},
        tree | {"unit": "piece"},
        tree | {"unit": "piece", "symbols": []},
        {},
    ]
    forged[3]["symbols"] = ["\uac00"]
    for wrong in forged:
        with pytest.raises(BundleError):
            Alphabet.from_json(wrong, "codec")
