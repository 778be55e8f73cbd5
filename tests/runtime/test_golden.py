"""A bundle whose model answers otherwise than when it was saved does not start."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recurra.errors import BundleError, DataError
from recurra.runtime import golden as golden_module
from recurra.runtime.golden import Golden, golden_from_arrays, this_platform

CASES = [np.ones((2, 3)), np.zeros((1, 3))]


def model(x: Any) -> np.ndarray:
    return np.asarray(x).sum(axis=0) + 0.5


def test_what_is_recorded_is_replayed_and_read_back() -> None:
    pair = Golden.record(model, CASES, "float32")
    pair.replay(model)
    again = golden_from_arrays(pair.to_json(), pair.arrays())
    again.replay(model)
    assert again.platform == this_platform()
    assert again.tolerance == pair.tolerance
    texts = Golden.record(lambda text: np.array([len(text)]), ["é", "", "ab"], "float64")
    assert golden_from_arrays(texts.to_json(), texts.arrays()).inputs == ("é", "", "ab")


def test_long_series_are_cut() -> None:
    pair = Golden.record(model, [np.ones((1000, 3))], "float32")
    assert np.shape(pair.inputs[0]) == (256, 3)
    assert pair.answers[0].tolist() == [256.5] * 3


def test_on_the_same_platform_the_last_bit_counts() -> None:
    pair = Golden.record(model, CASES, "float32")
    with pytest.raises(BundleError, match=r"golden input 0: the model answers .* off"):
        pair.replay(lambda x: np.nextafter(model(x), 9))


def test_on_another_platform_the_tolerance_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Golden.record(model, CASES, "float32")
    monkeypatch.setattr(golden_module, "this_platform", lambda: "another")
    # The largest answer is 2.5, and the tolerance goes with it.
    pair.replay(lambda x: model(x) + 2.4e-3)
    for wrong in (2.6e-3, np.nan, np.inf):
        with pytest.raises(BundleError, match=r"allowed: 0\.0025"):
            pair.replay(lambda x, wrong=wrong: model(x) + wrong)


def test_a_model_that_refuses_or_answers_in_another_shape_does_not_start() -> None:
    pair = Golden.record(model, CASES, "float32")

    def refuse(x: Any) -> np.ndarray:
        raise DataError("no")

    with pytest.raises(BundleError, match="refuses its own golden input 0: no"):
        pair.replay(refuse)
    with pytest.raises(BundleError, match=r"expected an answer \[3\], got \[1, 3\]"):
        pair.replay(lambda x: model(x)[None])


def test_an_answer_that_is_not_finite_is_not_recorded() -> None:
    for cases, answer in (([], 1.0), (CASES, np.nan)):
        with pytest.raises(BundleError, match="finite"):
            Golden.record(lambda x, answer=answer: np.array([answer]), cases, "float32")


def test_a_forged_pair_is_refused() -> None:
    pair = Golden.record(model, CASES, "float32")
    tree, arrays = pair.to_json(), pair.arrays()
    for change in (
        {"more": np.ones(1)},
        {"input.0": np.ones((2, 3), np.float32)},
        {"input.0": np.full((2, 3), np.nan)},
        {"input.0": np.ones(3)},
        {"input.0": np.array([255], np.uint8)},
        {"answer.0": np.array([np.inf])},
        {"answer.0": np.ones(3, np.int64)},
    ):
        with pytest.raises(BundleError, match="golden"):
            golden_from_arrays(tree, arrays | change)
    with pytest.raises(BundleError, match="nothing else"):
        golden_from_arrays(tree, {})
    for broken in ({}, tree | {"isa": 3}, tree | {"tolerance": 0.0}, tree | {"tolerance": "1"}):
        with pytest.raises(BundleError, match=r"manifest\.json: golden"):
            golden_from_arrays(broken, arrays)


def test_the_platform_names_all_that_may_change_a_bit() -> None:
    said = this_platform()
    assert np.__version__ in said
    assert said == this_platform()
    assert replace(Golden.record(model, CASES, "float32"), platform="x").to_json()["isa"] == "x"
