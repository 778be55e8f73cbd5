"""Counts give what can be counted by hand, for tags, symbols, frames and pairs."""

from __future__ import annotations

import math
from typing import Any

import pytest

from recurra.codecs import Cases
from recurra.codecs.corpus_files import corpus_cases
from recurra.codecs.pairs_read import pair_cases
from recurra.codecs.read_tags import tag_cases_from_arrays
from recurra.spec.settings import Settings
from recurra.train.baselines import baselines_of
from recurra.train.compare_material import material_of

WORDS = [("the", "cat", "sat"), ("the", "dog", "ran"), ("cat", "the", "owl")]
TAGS = [["D", "N", "V"], ["D", "N", "V"], ["N", "D", "N"]]


def found(cases: Cases, test: Cases, **changes: Any) -> dict[str, Any]:
    chosen = Settings.from_flat({"hidden": 2, "valid_fraction": 0.0, **changes})
    material = material_of(cases, chosen, test=test)
    return {each.name: each for each in baselines_of(material)}


def tagged(words: Any, tags: Any) -> Cases:
    return tag_cases_from_arrays(words, tags, settings=Settings().data)


def test_each_token_has_its_own_tag_and_a_new_one_the_most_frequent() -> None:
    test = tagged([("The", "cat"), ("sat", "fox")], [["D", "N"], ["V", "V"]])
    given = {"task": "tag", "embedding": 2}
    told = found(tagged(WORDS, TAGS), test, **given)
    assert told["majority"].figures["accuracy"] == 0.25
    assert told["tag_of_token"].figures["accuracy"] == 0.5  # The and fox are new: N
    lower = found(tagged(WORDS, TAGS), test, lowercase=True, **given)
    assert lower["tag_of_token"].figures["accuracy"] == 0.75


def test_spans_are_judged_as_spans() -> None:
    train = tagged([("in", "new", "york")] * 3, [["O", "B-LOC", "I-LOC"]] * 3)
    told = found(train, tagged([("new", "york")], [["B-LOC", "I-LOC"]]), task="tag", embedding=2)
    assert told["tag_of_token"].figures["entity_f1"] == 1.0
    assert told["majority"].figures["entity_f1"] == 0.0


def test_pairs_know_what_symbols_do_not() -> None:
    told = found(
        corpus_cases(["ab" * 200]),
        corpus_cases(["ab" * 20]),
        task="generate",
        window=8,
        embedding=2,
    )
    assert set(told) == {"symbols", "pairs"}
    # An a and a b in turn, and one end.
    assert told["symbols"].figures["nll"] == pytest.approx(math.log(2), rel=0.1)
    assert told["pairs"].figures["nll"] < 0.1
    for each in told.values():
        assert each.figures["perplexity"] == pytest.approx(math.exp(each.figures["nll"]))
        assert each.figures["bits"] == pytest.approx(each.figures["nll"] / math.log(2))


def test_numbers_of_frames_sound_apart() -> None:
    frames = [[(1,), (1, 2)] * 60]
    told = found(
        corpus_cases(frames), corpus_cases([[(1,), (1, 2)] * 10]), task="generate", window=8
    )
    assert set(told) == {"frames", "pairs"}
    # 1 always sounds, 2 every other time.
    assert told["frames"].figures["nll"] == pytest.approx(math.log(2), rel=0.1)
    assert told["pairs"].figures["nll"] < 0.2
    assert "perplexity" not in told["frames"].figures


def test_pairs_are_copied_or_always_the_same() -> None:
    sources = ["ab", "ba", "aa", "bb"] * 3
    targets = ["ab", "ba", "xx", "xx"] * 3
    told = found(
        pair_cases(sources, targets),
        pair_cases(["aba", "aab"], ["aba", "xx"]),
        task="transduce",
        embedding=2,
    )
    assert told["copy"].figures["word_error_rate"] == 0.5
    assert told["frequent"].figures["word_error_rate"] == 0.5
    assert told["copy"].scores == (0.0, 1.0)
    assert told["frequent"].scores == (1.0, 0.0)
    assert told["copy"].figures["symbol_error_rate"] == pytest.approx(3 / 5)
