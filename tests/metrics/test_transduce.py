"""Error rates are counted as their text says; chrF and BLEU are sacrebleu's own."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.errors import DependencyError, ShapeError
from recurra.metrics import transduce

words = st.text("abc", max_size=6)


@given(a=words, b=words)
def test_edits_are_the_fewest(a: str, b: str) -> None:
    """Against the recursion that defines them."""

    @cache
    def fewest(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        changed = fewest(i - 1, j - 1) + (a[i - 1] != b[j - 1])
        return min(fewest(i - 1, j) + 1, fewest(i, j - 1) + 1, changed)

    assert transduce.edit_distance(a, b) == fewest(len(a), len(b))


def test_rates_are_counted_by_hand() -> None:
    """Two of four outputs are wrong, by four edits over eight symbols."""
    outputs, targets = ["a b", "c", "d e f", ""], ["a b", "c", "d f", "g h i"]
    assert transduce.word_error_rate(outputs, targets) == 0.5
    assert transduce.accuracy(outputs, targets) == 0.5
    symbols = [[text.split() for text in texts] for texts in (outputs, targets)]
    assert transduce.symbol_error_rate(*symbols) == pytest.approx(4 / 8)


def test_translation_measures_are_sacrebleus() -> None:
    """Its scores on its scale; equal texts have 100."""
    sacrebleu = pytest.importorskip("sacrebleu")
    targets = ["the cat sat on the mat today", "a dog ran over the wide field"]
    outputs = ["the cat sat on a mat today", "a dog ran over the field"]
    assert transduce.chrf(targets, targets) == pytest.approx(100)
    assert transduce.bleu(targets, targets) == pytest.approx(100)
    assert transduce.bleu(outputs, targets) == sacrebleu.corpus_bleu(outputs, [targets]).score
    assert transduce.chrf(outputs, targets) == sacrebleu.corpus_chrf(outputs, [targets]).score


def test_without_sacrebleu_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it."""
    monkeypatch.setattr(transduce, "find_spec", lambda name: None)
    assert not transduce.has_sacrebleu()
    with pytest.raises(DependencyError, match=r"recurra\[text\]"):
        transduce.bleu(["a"], ["a"])


def test_what_cannot_be_compared_is_refused() -> None:
    """No target, and another number of outputs."""
    for outputs, targets in (([], []), (["a"], ["a", "b"])):
        with pytest.raises(ShapeError, match="an output for each"):
            transduce.word_error_rate(outputs, targets)
