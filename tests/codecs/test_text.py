"""Texts are cut by a stated rule; unknown symbols are 0; one symbol at a time is the whole."""

import json
import unicodedata
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.codecs import TextCodec, cases_from_arrays
from recurra.codecs.text import symbols
from recurra.errors import BundleError, DataError, ObservationError
from recurra.spec.node import Signal

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
    lambda text: text.strip() != ""
)


def fitted(symbol: Any = "word") -> TextCodec:
    return TextCodec.fit(cases_from_arrays(["the film , the end", "don't go"]), symbol)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a good film.", ["a", "good", "film", "."]),
        ("wo n't, don't", ["wo", "n't", ",", "don't"]),
        ("it’s 3.5_x", ["it’s", "3", ".", "5_x"]),
        ("'quoted'", ["'", "quoted", "'"]),
        ("很好，好吃", ["很好", "，", "好吃"]),
        ("हिन्दी है", ["हिन्दी", "है"]),
        ("cafe\u0301", ["café"]),
        ("a\tb\u3000c", ["a", "b", "c"]),
    ],
)
def test_words_are_runs_between_spaces_and_punctuation(text: str, words: list[str]) -> None:
    assert symbols(text, "word") == words


def test_characters_are_code_points_in_normal_form_c() -> None:
    assert symbols("e\u0301 好", "character") == ["é", " ", "好"]


@given(texts, st.sampled_from(["character", "word"]))
def test_step_equals_whole(text: str, symbol: Any) -> None:
    codec = fitted(symbol)
    whole = codec.encode(text)
    assert whole.dtype == np.int64
    stepped = [codec.step(unit) for unit in symbols(text, symbol)]
    assert all(token.shape == () and token.dtype == np.int64 for token in stepped)
    assert [int(token) for token in stepped] == whole.tolist()


@given(texts)
def test_no_text_that_is_not_blank_is_empty(text: str) -> None:
    for symbol in ("character", "word"):
        assert symbols(text, symbol)  # type: ignore[arg-type]  # both are symbols


@given(texts)
def test_no_character_but_space_is_lost(text: str) -> None:
    joined = "".join(unicodedata.normalize("NFC", text).split())
    assert "".join(symbols(text, "word")) == joined


def test_the_most_frequent_symbol_comes_first_and_ties_go_by_the_alphabet() -> None:
    assert fitted().vocabulary == ("the", ",", "don't", "end", "film", "go")
    assert fitted().encode("the film unseen").tolist() == [1, 5, 0]
    assert fitted().signal() == Signal("steps", 7, "token")


def test_rare_symbols_become_unknown() -> None:
    codec = TextCodec.fit(cases_from_arrays(["a a b"]), "word", 2)
    assert codec.vocabulary == ("a",)
    assert codec.encode("a b").tolist() == [1, 0]
    with pytest.raises(DataError, match="no word is: lower min_count"):
        TextCodec.fit(cases_from_arrays(["a a b"]), "word", 3)


def test_validation_text_never_enters_the_vocabulary() -> None:
    cases = cases_from_arrays(["seen", "hidden"])
    codec = TextCodec.fit(cases.subset([0]), "word")
    assert codec.vocabulary == ("seen",)
    assert codec.encode("hidden").tolist() == [0]


@pytest.mark.parametrize(
    ("observation", "words"),
    [
        ("two words", "exactly one word, got 2 in 'two words'"),
        ("", "got 0"),
        (" ", "got 0"),
        (5, "expected one word as a text, got int"),
        (None, "got NoneType"),
        (["a"], "got list"),
    ],
)
def test_what_is_not_one_symbol_is_refused(observation: Any, words: str) -> None:
    with pytest.raises(ObservationError, match=words):
        fitted().step(observation)


def test_a_text_without_symbols_is_refused() -> None:
    with pytest.raises(DataError, match="at least one word"):
        fitted().encode("  ")
    with pytest.raises(DataError, match="expected a text, got ndarray"):
        fitted().encode(np.ones((2, 1)))


@given(st.lists(texts, min_size=1, max_size=4), st.sampled_from(["character", "word"]))
def test_json_gives_the_same_codec_back(written: list[str], symbol: Any) -> None:
    codec = TextCodec.fit(cases_from_arrays(written), symbol)
    assert TextCodec.from_json(json.loads(json.dumps(codec.to_json()))) == codec


GOOD = {"kind": "text", "symbol": "word", "vocabulary": ["a", "b"]}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "series"},
        {"symbol": "syllable"},
        {"symbol": None},
        {"vocabulary": []},
        {"vocabulary": ["a", "a"]},
        {"vocabulary": ["a b"]},
        {"vocabulary": ["e\u0301"]},
        {"vocabulary": [""]},
        {"vocabulary": [1]},
        {"vocabulary": ["\ud800"]},
        {"vocabulary": "ab"},
        {"more": 1},
    ],
)
def test_damaged_json_is_refused(change: dict[str, Any]) -> None:
    assert TextCodec.from_json(GOOD).vocabulary == ("a", "b")
    with pytest.raises(BundleError):
        TextCodec.from_json(GOOD | change)
