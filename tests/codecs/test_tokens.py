"""Law: a stream of tokens is encoded to the numbers of the whole, and what is unknown is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.codecs import Cases
from recurra.codecs.tokens import TokenCodec, check_token, tokens_of
from recurra.errors import BundleError, DataError, ObservationError
from recurra.spec.node import Signal


def cases(*inputs: tuple[str, ...]) -> Cases:
    return Cases("tokens", inputs, (), tuple(map(str, range(len(inputs)))), "X")


WORDS = cases(("The", "cat"), ("the", "dog", "The"))
LETTERS = cases(("a", "b", "a", "b"), ("b", "a"))


def test_the_most_frequent_token_comes_first_and_0_is_unknown() -> None:
    codec = TokenCodec.fit(WORDS)
    assert codec.vocabulary == ("The", "cat", "dog", "the")
    assert (codec.symbol, codec.lowercase) == ("word", False)
    assert codec.encode(("dog", "fish"))["x"].tolist() == [3, 0]
    assert codec.signals() == {"x": Signal("steps", 5, "token")}
    assert TokenCodec.fit(WORDS, min_count=2).vocabulary == ("The",)
    assert TokenCodec.fit(WORDS, lowercase=True).encode(("THE", "cat"))["x"].tolist() == [1, 2]


def test_words_bring_their_characters_and_long_ones_their_ends() -> None:
    codec = TokenCodec.fit(cases(("ab", "b" * 30)), characters=True)
    assert codec.characters == ("b", "a")
    assert codec.longest == 24
    word, unknown = codec.encode(("ab", "bé"))["characters"]
    assert word.tolist() == [3, 2, *[0] * 22]
    assert unknown.tolist()[:3] == [2, 1, 0]
    cut = codec.encode(("a" + "b" * 40 + "a",))["characters"][0]
    assert (cut[0], cut[-1], (cut != 0).all()) == (3, 3, True)
    assert codec.signals()["characters"] == Signal("pieces", 4, "token")
    # The characters of characters would say nothing new.
    assert TokenCodec.fit(LETTERS, characters=True).characters == ()


def test_pairs_seen_twice_are_known_the_start_included() -> None:
    codec = TokenCodec.fit(LETTERS, pairs=True)
    # a = 1, b = 2, the start = 3; "ab" and "ba" come twice, the two starts once each.
    assert codec.pairs == ((1, 2), (2, 1))
    assert codec.encode("abab")["pairs"].tolist() == [0, 1, 2, 1]
    assert codec.signals()["pairs"] == Signal("steps", 3, "token")


@pytest.mark.parametrize(
    "codec",
    [TokenCodec.fit(LETTERS, pairs=True), TokenCodec.fit(WORDS, characters=True, pairs=True)],
)
def test_step_by_step_the_numbers_are_the_same(codec: TokenCodec) -> None:
    tokens = ("a", "cat", "b", "a", "b", "?")
    whole, slots = codec.encode(tokens), codec.start()
    for t, token in enumerate(tokens):
        arrays, slots = codec.step(token, slots)
        assert arrays.keys() == whole.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, whole[name][t])
            assert array.dtype == np.int64
    with pytest.raises(ObservationError, match="expected a token, got ''"):
        codec.step("", slots)
    with pytest.raises(ObservationError, match="got int"):
        codec.step(3, slots)


def test_normal_form_c_makes_equal_spellings_one() -> None:
    codec = TokenCodec.fit(cases(("é", "x")))
    assert codec.encode(("e\u0301", "x"))["x"].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (3, "list of tokens or a text, got int"),
        ([], "at least one token"),
        ("", "at least one token"),
        (["a", ""], "step 1: expected a token"),
        (["a\0b"], "step 0: expected a token"),
        ([b"a"], "step 0: expected a token as a text, got bytes"),
        (["\ud800"], "valid Unicode"),
    ],
)
def test_what_is_no_token_is_refused(case: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        TokenCodec.fit(LETTERS).encode(case)
    assert check_token(" ") == " "
    assert tokens_of("don't stop!", "word") == ["don't", "stop", "!"]


def test_min_count_may_leave_something() -> None:
    with pytest.raises(DataError, match="lower min_count"):
        TokenCodec.fit(WORDS, min_count=9)


TREE = TokenCodec.fit(WORDS, characters=True, pairs=True).to_json()


def test_json_gives_the_same_codec_back() -> None:
    codec = TokenCodec.from_json(TREE)
    assert codec.to_json() == TREE
    assert codec == TokenCodec.fit(WORDS, characters=True, pairs=True)
    assert "words, read by their characters too, with the pairs" in codec.describe()


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "byte"},
        {"lowercase": 1},
        {"vocabulary": []},
        {"vocabulary": ["a", "a"]},
        {"characters": ["ab"]},
        {"longest": 0},
        {"longest": 1000},
        {"longest": True},
        {"pairs": [[1, 2], [1, 2]]},
        {"pairs": [[1, 99]]},
        {"pairs": [[1, 2, 3]]},
        {"pairs": 3},
        {"more": 1},
    ],
    ids=str,
)
def test_a_forged_codec_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match="codec"):
        TokenCodec.from_json({**TREE, **change})
