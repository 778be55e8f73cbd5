"""Byte-pair pieces: nothing is lost, cuts are those of `tokenizers`, forgeries are refused."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.codecs.pieces import BytePairs, spaced_words
from recurra.errors import BundleError, DataError, DependencyError

CORPUS = ["the lower the newer, the wider", "don't the 東京 lower  newer\n\twidest"] * 5
PAIRS = BytePairs.fit(CORPUS, 290)


@given(text=st.text(max_size=40))
def test_spaced_words_join_to_the_text(text: str) -> None:
    """Whatever the text, its words joined are its normal form C."""
    assert "".join(spaced_words(text)) == unicodedata.normalize("NFC", text)


def test_spaced_words_keep_the_space_before_them() -> None:
    """One space belongs to the word after it; an apostrophe within a word to the word."""
    assert spaced_words("a  don't, b\n") == ["a", " ", " don't", ",", " b", "\n"]


@given(text=st.text(max_size=40))
def test_nothing_is_lost(text: str) -> None:
    """Every text can be cut, characters that training never saw too, and joins again."""
    assert PAIRS.decode(PAIRS.encode(text)) == unicodedata.normalize("NFC", text)


def test_cuts_equal_those_of_tokenizers() -> None:
    """The library that trained the merges cuts every word into the same bytes."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)

    def named(piece: int) -> str:
        raw = PAIRS.bytes_of(piece)
        # Byte for byte, as the library itself writes a single byte.
        return "".join(written[byte] for byte in raw)

    # A character for each first byte that UTF-8 has, and for each of those that follow one.
    points = [*range(0x800), *range(0x800, 0xD800, 0x800), *range(0xE000, 0x110000, 0x2000)]
    written: dict[int, str] = {}
    for char in map(chr, points):
        written |= dict(zip(char.encode("utf-8"), _written(byte_level, char), strict=True))
    # The other bytes occur in no text.
    known = [k for k in range(PAIRS.size) if all(b in written for b in PAIRS.bytes_of(k))]
    assert len(known) > PAIRS.size - 20
    theirs = Tokenizer(
        models.BPE(
            vocab={named(k): k for k in known},
            merges=[(named(left), named(right)) for left, right in PAIRS.merges],
        )
    )
    theirs.pre_tokenizer = byte_level
    for text in [*CORPUS, "lowest newest the 東京 at thethe", "a" * 50]:
        for word in spaced_words(text):
            assert PAIRS.encode(word) == theirs.encode(word).ids, word


def _written(byte_level: object, char: str) -> str:
    ((text, _),) = byte_level.pre_tokenize_str(char)  # type: ignore[attr-defined]  # untyped library
    return str(text)


def test_frequent_words_become_one_piece() -> None:
    """What comes often is joined to the end, what never came is cut into bytes."""
    assert len(PAIRS.encode(" the")) == 1
    assert len(PAIRS.encode("xq")) == 2
    assert 256 < PAIRS.size <= 290


def test_it_survives_json() -> None:
    """Written and read again it is the same value."""
    assert BytePairs.from_json(json.loads(json.dumps(PAIRS.to_json()))) == PAIRS


@pytest.mark.parametrize(
    "merges",
    ["ab", [[1]], [[1, 2, 3]], [[1, "a"]], [[True, 2]], [[256, 1]], [[-1, 2]], [[1, 2], [1, 2]]],
)
def test_forged_merges_are_refused(merges: object) -> None:
    """Pairs of earlier pieces, each once, and nothing else."""
    with pytest.raises(BundleError, match="merge"):
        BytePairs.from_json({"kind": "pieces", "merges": merges})


def test_training_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `tokenizers` no merges are trained; those that there are go on cutting."""
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(DependencyError, match=r"tokenizers, .* pip install"):
        BytePairs.fit(CORPUS, 300)
    assert PAIRS.decode(PAIRS.encode("newer")) == "newer"


def test_there_must_be_room_beside_the_bytes() -> None:
    """256 pieces are the bytes themselves."""
    with pytest.raises(DataError, match="more than 256"):
        BytePairs.fit(CORPUS, 256)
