"""The codec of texts to be continued: shifted by one, lossless, strict about what it reads."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.codecs.cases import Cases
from recurra.codecs.corpus import BOUNDARY, UNKNOWN, CorpusCodec, Vocabulary
from recurra.codecs.frames import FrameCodec
from recurra.errors import BundleError, DataError, ObservationError
from recurra.spec.settings import DataSettings


def cases(*texts: str) -> Cases:
    ids = tuple(str(i) for i in range(len(texts)))
    return Cases("text", texts, (), ids, "somewhere")


def fitted(*texts: str, **settings: Any) -> CorpusCodec:
    return CorpusCodec.fit(cases(*texts), DataSettings(**settings))


RUNNING = fitted("abcab a")
LINES = fitted("abc", "ab")


def test_a_running_text_is_shifted_by_one() -> None:
    """x is what is known before each step: the boundary, then all but the last symbol."""
    encoded = RUNNING.encode("abc")
    assert encoded.steps["y"].tolist() == RUNNING.tokens_of("abc").tolist()
    assert encoded.steps["x"].tolist() == [BOUNDARY, *RUNNING.tokens_of("ab").tolist()]


def test_sequences_that_end_predict_their_end() -> None:
    """Where training showed several sequences the boundary comes last."""
    encoded = LINES.encode("abc")
    assert encoded.steps["y"].tolist() == [*LINES.tokens_of("abc").tolist(), BOUNDARY]
    assert encoded.steps["x"].tolist() == [BOUNDARY, *LINES.tokens_of("abc").tolist()]


@pytest.mark.parametrize("symbol", ["character", "word", "piece"])
@given(text=st.text("ab '東\n,é", min_size=1, max_size=20))
def test_nothing_is_lost(symbol: str, text: str) -> None:
    """A text of known symbols comes back from its tokens, whole or token by token."""
    codec = fitted(text, "ab '東\n,é é", symbol=symbol, pieces=300)
    tokens = codec.tokens_of(text)
    assert codec.text_of(tokens) == unicodedata.normalize("NFC", text)
    assert tokens.min() >= 2
    assert tokens.max() < codec.tokens


def test_a_character_in_several_pieces_waits_until_it_is_whole() -> None:
    """No half of a character is ever shown."""
    codec = fitted("abab" * 5, symbol="piece", pieces=260)
    writer = codec.writer()
    tokens = codec.tokens_of("東")
    shown = [writer.feed(int(token)) for token in tokens]
    assert shown == ["", "", "東"]
    assert writer.end() == ""
    writer.feed(int(tokens[0]))
    assert writer.end() == "\ufffd"


def test_rare_symbols_become_unknown() -> None:
    """Below min_count a symbol is the unknown one, which the model then has learnt of."""
    codec = fitted("aab", min_count=2)
    assert codec.tokens_of("ab").tolist() == [2, UNKNOWN]
    assert isinstance(codec.units, Vocabulary)
    assert not codec.units.complete
    assert codec.prompt("ab").tolist() == [BOUNDARY, 2, UNKNOWN]


def test_a_prompt_with_unknown_symbols_is_refused_by_name() -> None:
    """Each unknown symbol is named once; reading them as unknown has to be asked for."""
    with pytest.raises(DataError, match=r"characters that training showed, got 'z', 'é': leave"):
        RUNNING.prompt("azébzé")
    assert RUNNING.prompt("az", unknown="read").tolist()[-1] == UNKNOWN
    assert RUNNING.prompt("").tolist() == [BOUNDARY]
    with pytest.raises(DataError, match="prompt expected a text, got int"):
        RUNNING.prompt(5)  # type: ignore[arg-type]  # wrong on purpose


def test_what_may_never_be_generated() -> None:
    """The unknown symbol never; the boundary only where sequences end."""
    assert RUNNING.never == (UNKNOWN, BOUNDARY)
    assert LINES.never == (UNKNOWN,)


def test_one_symbol_at_a_time() -> None:
    """A stream's token is that of the whole text; anything but one symbol is refused."""
    for symbol, token in zip("abc", RUNNING.tokens_of("abc"), strict=True):
        assert int(RUNNING.step(symbol, None, {})[0]["x"]) == token
    for wrong in ("", "ab", 1, None):
        with pytest.raises(ObservationError, match="expected"):
            RUNNING.step(wrong, None, {})


@pytest.mark.parametrize("wrong", [5, "", None, b"a"])
def test_what_is_no_text_is_refused(wrong: Any) -> None:
    """The codec says what it expected."""
    with pytest.raises(DataError, match="expected a text"):
        RUNNING.encode(wrong)


def test_errors_name_the_case() -> None:
    """Which of many texts is at fault."""
    with pytest.raises(DataError, match="somewhere, case '1'"):
        RUNNING.encode_cases(cases("a", ""))
    frames = Cases("frames", (((1,),),), (), ("0",), "music.jsonl")
    with pytest.raises(DataError, match=r"music\.jsonl: expected texts"):
        RUNNING.encode_cases(frames)


@pytest.mark.parametrize("symbol", ["character", "word", "piece"])
def test_it_survives_json(symbol: str) -> None:
    """Written and read again it is the same value."""
    codec = fitted("one two", "two three", symbol=symbol, pieces=270)
    assert CorpusCodec.from_json(json.loads(json.dumps(codec.to_json()))) == codec


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ends", 1),
        ("units", None),
        ("units", {"kind": "vocabulary", "symbol": "character", "entries": [], "complete": True}),
        ("units", {"kind": "vocabulary", "symbol": "character", "entries": ["ab"], "complete": 1}),
        ("units", {"kind": "vocabulary", "symbol": "word", "entries": ["a b"], "complete": True}),
        ("units", {"kind": "vocabulary", "symbol": "line", "entries": ["a"], "complete": True}),
        ("columns", {"text": 3}),
        ("more", 1),
    ],
)
def test_forged_json_is_refused(key: str, value: Any) -> None:
    """Exact keys, exact types, entries that are single symbols."""
    with pytest.raises(BundleError, match="codec"):
        CorpusCodec.from_json(RUNNING.to_json() | {key: value})


def test_names_for_people() -> None:
    """The two tokens that are no symbols have names of their own."""
    assert [RUNNING.name_of(k) for k in (0, 1, 2)] == ["<unknown>", "<boundary>", "a"]


def test_the_raw_text_survives_the_golden_file() -> None:
    """A raw case comes back from its arrays."""
    assert RUNNING.case_from_arrays(RUNNING.case_arrays("abc é")) == "abc é"


def test_signals_count_unknown_and_boundary() -> None:
    """Two tokens more than the vocabulary holds."""
    assert RUNNING.signals()["x"].size == len("abc ") + 2
    assert np.array_equal(RUNNING.encode("a").steps["x"], [BOUNDARY])
    assert not isinstance(RUNNING, FrameCodec)


def test_no_symbol_frequent_enough_is_said() -> None:
    """min_count that nothing reaches."""
    with pytest.raises(DataError, match="lower min_count"):
        fitted("abc", min_count=2)
