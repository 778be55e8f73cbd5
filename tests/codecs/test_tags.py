"""Law: tags of any scheme become those of the model's own, and come back in their own type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.codecs import Cases, codec_from_json
from recurra.codecs.read_tags import tag_cases_from_arrays
from recurra.codecs.tags import UNSEEN, TagCodec
from recurra.errors import BundleError, DataError, ObservationError
from recurra.spec.settings import DataSettings

TAG = DataSettings(task="tag")


def cases(X: Any, y: Any = None) -> Cases:
    return tag_cases_from_arrays(X, y, settings=TAG)


def fitted(X: Any, y: Any, **settings: Any) -> TagCodec:
    chosen = TAG.model_copy(update=settings)
    return TagCodec.fit(cases(X, y), chosen, characters=False, pairs=False)


BMES = fitted([["a", "b", "c"]], [["B-X", "E-X", "O"]])


def test_every_tag_of_a_type_is_known() -> None:
    # E tells an end: S, which only BMES and BIOES share, is there too, and I rather than M.
    assert BMES.scheme == "bioes"
    assert BMES.tags == ("B-X", "E-X", "I-X", "O", "S-X")
    assert fitted([["a", "b"]], [["B-X", "M-X"]]).tags == ("B-X", "E-X", "M-X", "S-X")
    assert fitted([["a", "b"]], [["B-X", "O"]]).tags == ("B-X", "I-X", "O")
    plain = fitted([["a", "b"]], [["B-X", "O"]], scheme="none")
    assert (plain.tags, plain.scheme) == (("B-X", "O"), "none")


def test_files_in_other_schemes_are_converted() -> None:
    codec = fitted([["a", "b", "c"]], [["B-X", "I-X", "O"]], scheme="bmes")
    assert codec.scheme == "bmes"
    (case,) = codec.encode_cases(cases([["a", "b", "c"]], [["I-X", "I-X", "B-X"]]))
    assert codec.decode(case.steps["y"]) == ["B-X", "E-X", "S-X"]
    assert codec.texts_of(cases([["a"]], [["U-X"]])) == [["S-X"]]


def test_a_tag_that_training_has_not_seen_has_no_number() -> None:
    (case,) = BMES.encode_cases(cases([["a", "z"]], [["S-Y", "O"]]))
    assert case.steps["y"].tolist() == [UNSEEN, 3]
    assert case.steps["x"].tolist() == [1, 0]


def test_labels_keep_their_type_and_series_their_features() -> None:
    X = [np.array([[0.0], [1.0], [3.0]]), np.array([[2.0]])]
    codec = fitted(X, [[0, 1, 1], [1]])
    assert (codec.scheme, codec.decode([1, 0]), codec.features) == ("none", [1, 0], ("x0",))
    (case, _) = codec.encode_cases(cases(X))
    assert set(case.steps) == {"x"}
    stepped, _ = codec.step([0.0], None, codec.start())
    np.testing.assert_array_equal(stepped["x"], case.steps["x"][0])
    assert codec.why_not_streaming() is None
    with pytest.raises(ObservationError, match="expected 1 numbers"):
        codec.step([1.0, 2.0], None, codec.start())


def test_missing_values_of_series_are_stood_in_for() -> None:
    X = [np.array([[0.0], [np.nan], [2.0]])]
    codec = fitted(X, [[0, 1, 1]], missing="mask")
    (case,) = codec.encode_cases(cases(X))
    assert case.steps["x"].shape == (3, 3)
    assert codec.signals()["x"].size == 3
    assert fitted(X, [[0, 1, 1]], missing="linear").why_not_streaming() is not None


@pytest.mark.parametrize(
    ("X", "y", "settings", "words"),
    [
        ([["a", "b"]], [["N", "N"]], {}, "at least two different tags, got only 'N' in the part"),
        ([["a", "b"]], [["N", 1]], {}, "expected tags of one type, got int, str"),
        ([["a", "b"]], [["N", "V"]], {"scheme": "bio"}, "expected tags that spell spans"),
        ([["a", "b"]], None, {}, "gives no targets"),
    ],
)
def test_tags_that_cannot_be_learnt_are_refused(
    X: Any, y: Any, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        fitted(X, y, **settings)


def test_cases_of_another_kind_are_refused() -> None:
    series = fitted([np.array([[0.0], [1.0]])], [[0, 1]])
    with pytest.raises(DataError, match="expected series input"):
        series.arrange(cases([["a"]]))
    with pytest.raises(DataError, match="expected tokens or texts, got series"):
        BMES.arrange(cases([np.zeros((1, 1))]))
    with pytest.raises(DataError, match="expected 1 features"):
        series.encode_cases(cases([np.zeros((1, 2))]))
    labelled = Cases("text", ("a",), (), ("0",), "X", ("N",), "class")
    with pytest.raises(DataError, match="expected a tag for each step, got one target a case"):
        BMES.encode_cases(labelled)
    short = Cases("tokens", (("a", "b"),), (), ("0",), "X", (("O",),), "steps")
    with pytest.raises(DataError, match="case '0': expected 2 tags, one a step, got 1"):
        BMES.encode_cases(short)


def test_json_and_golden_cases_come_back() -> None:
    series = fitted([np.array([[0.0], [1.0]])], [[0, 1]])
    for codec, case in ((BMES, ("a", "é")), (BMES, "ab"), (series, np.array([[0.5], [1.5]]))):
        assert codec_from_json(codec.to_json()) == codec
        back = codec.case_from_arrays(codec.case_arrays(case))
        assert np.array_equal(back, case)


@pytest.mark.parametrize(
    "change",
    [
        {"scheme": "iob"},
        {"scheme": "bio"},
        {"target": {"kind": "label", "type": "str", "labels": ["O"]}},
        {"input": {"kind": "text"}},
        {"input": 3},
        {"columns": {"id": 3, "time": None, "target": None, "text": None}},
        {"more": 1},
    ],
    ids=str,
)
def test_a_forged_codec_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match="codec"):
        codec_from_json({**BMES.to_json(), **change})


@pytest.mark.parametrize(
    "arrays",
    [
        {"": np.zeros(2, np.uint8)},
        {"tokens": np.zeros(2)},
        {"tokens": np.frombuffer(b"[1]", np.uint8)},
        {"tokens": np.frombuffer(b"{", np.uint8)},
        {"tokens": np.frombuffer(b"3", np.uint8)},
    ],
)
def test_a_forged_golden_case_is_refused(arrays: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match="golden input"):
        BMES.case_from_arrays(arrays)
