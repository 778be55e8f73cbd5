"""A bundle whose model answers otherwise than when it was saved does not start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recurra.codecs import AbstractCodec
from recurra.errors import BundleError, DataError
from recurra.runtime import AbstractModel
from recurra.runtime import golden as golden_module
from recurra.runtime.golden import Golden, golden_from_arrays, this_platform

CASES = [np.ones((2, 3)), np.zeros((1, 3))]


class Answers:
    """What a golden pair asks of a model, with the answer given by a function."""

    dtype = np.dtype(np.float32)
    witness = AbstractModel.witness

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self.answer = answer

    def golden(self, x: Any) -> np.ndarray:
        return np.asarray(self.answer(x), np.float64)


def total(x: Any) -> np.ndarray:
    return np.asarray(x).sum(axis=0) + 0.5


def model_with(answer: Callable[[Any], Any]) -> Any:
    return Answers(answer)


MODEL = model_with(total)
CODEC = AbstractCodec()


def test_what_is_recorded_is_replayed_and_read_back() -> None:
    pair = Golden.record(MODEL, CASES)
    pair.replay(MODEL)
    again = golden_from_arrays(pair.to_json(), pair.arrays(CODEC), CODEC)
    again.replay(MODEL)
    assert again.platform == this_platform()
    assert again.tolerance == pair.tolerance
    texts = Golden.record(model_with(lambda text: [len(text)]), ["é", "", "ab"])
    assert golden_from_arrays(texts.to_json(), texts.arrays(CODEC), CODEC).inputs == ("é", "", "ab")


def test_long_series_are_cut() -> None:
    pair = Golden.record(MODEL, [np.ones((1000, 3))])
    assert np.shape(pair.inputs[0]) == (256, 3)
    assert pair.answers[0].tolist() == [256.5] * 3


def test_on_the_same_platform_the_last_bit_counts() -> None:
    pair = Golden.record(MODEL, CASES)
    with pytest.raises(BundleError, match=r"golden input 0: the model answers .* off"):
        pair.replay(model_with(lambda x: np.nextafter(total(x), 9)))


def test_on_another_platform_the_tolerance_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Golden.record(MODEL, CASES)
    monkeypatch.setattr(golden_module, "this_platform", lambda: "another")
    # The largest answer is 2.5, and the tolerance goes with it.
    pair.replay(model_with(lambda x: total(x) + 2.4e-3))
    for wrong in (2.6e-3, np.nan, np.inf):
        with pytest.raises(BundleError, match=r"allowed: 0\.0025"):
            pair.replay(model_with(lambda x, wrong=wrong: total(x) + wrong))


def test_a_model_that_refuses_or_answers_in_another_shape_does_not_start() -> None:
    pair = Golden.record(MODEL, CASES)

    def refuse(x: Any) -> np.ndarray:
        raise DataError("no")

    with pytest.raises(BundleError, match="refuses its own golden input 0: no"):
        pair.replay(model_with(refuse))
    with pytest.raises(BundleError, match=r"expected an answer \[3\], got \[1, 3\]"):
        pair.replay(model_with(lambda x: total(x)[None]))


def test_an_answer_that_is_not_finite_is_not_recorded() -> None:
    for cases, answer in (([], 1.0), (CASES, np.nan)):
        with pytest.raises(BundleError, match="finite"):
            Golden.record(model_with(lambda x, answer=answer: [answer]), cases)


def test_a_forged_pair_is_refused() -> None:
    pair = Golden.record(MODEL, CASES)
    tree, arrays = pair.to_json(), pair.arrays(CODEC)
    for change in (
        {"more": np.ones(1)},
        {"input.0": np.ones((2, 3), np.float32)},
        {"input.0": np.full((2, 3), np.inf)},
        {"input.0.more": np.ones((2, 3))},
        {"input.00": np.ones((2, 3))},
        {"input.0": np.ones(3)},
        {"input.0": np.array([255], np.uint8)},
        {"answer.0": np.array([np.inf])},
        {"answer.0": np.ones(3, np.int64)},
    ):
        with pytest.raises(BundleError, match="golden"):
            golden_from_arrays(tree, arrays | change, CODEC)
    with pytest.raises(BundleError, match="nothing else"):
        golden_from_arrays(tree, {}, CODEC)
    for broken in ({}, tree | {"isa": 3}, tree | {"tolerance": 0.0}, tree | {"tolerance": "1"}):
        with pytest.raises(BundleError, match=r"manifest\.json: golden"):
            golden_from_arrays(broken, arrays, CODEC)


def test_the_platform_names_all_that_may_change_a_bit() -> None:
    said = this_platform()
    assert np.__version__ in said
    assert said == this_platform()
    assert replace(Golden.record(MODEL, CASES), platform="x").to_json()["isa"] == "x"
