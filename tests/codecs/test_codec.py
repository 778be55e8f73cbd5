"""A codec learns from the training part only, streams what it encodes, and survives its JSON."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.codecs import (
    Cases,
    Columns,
    LabelCodec,
    SequenceCodec,
    Timed,
    ValueCodec,
    cases_from_arrays,
    codec_from_json,
    fit_codec,
    task_of,
)
from recurra.errors import BundleError, DataError, ObservationError, ShapeError
from recurra.spec.batch import collate
from recurra.spec.node import Signal
from recurra.spec.settings import DataSettings


def series_cases(seed: int = 0, y: Any = ("u", "v", "u")) -> Cases:
    random = np.random.default_rng(seed)
    x = [random.normal(size=(length, 2)) for length in (3, 1, 5)]
    return cases_from_arrays(x, y)


def fitted(cases: Cases | None = None, task: Any = "classify", **settings: Any) -> SequenceCodec:
    return fit_codec(cases or series_cases(), DataSettings(**settings), task)


@given(st.integers(0, 2**32 - 1))
def test_a_stream_sees_what_the_whole_case_sees(seed: int) -> None:
    cases = series_cases(seed)
    codec = fitted(cases)
    for x, encoded in zip(cases.inputs, codec.encode_cases(cases), strict=True):
        slots = codec.start()
        for t, observation in enumerate(x):
            arrays, slots = codec.step(observation, float(t), slots)
            assert arrays["x"].tobytes() == encoded.steps["x"][t].tobytes()
            assert arrays["x"].dtype == encoded.steps["x"].dtype


def test_encoded_cases_are_collated_with_their_targets() -> None:
    codec = fitted()
    batch = collate(codec.encode_cases(series_cases()), [2, 1])
    assert batch.steps["x"].shape == (2, 5, 2)
    assert batch.steps["x"].dtype == np.float32
    assert batch.rows["y"].tolist() == [0, 1]
    assert batch.rows["y"].dtype == np.int64
    numbers = series_cases(y=[1.0, 2.5, 3.0])
    rows = collate(fitted(numbers, "regress").encode_cases(numbers), [0, 1, 2]).rows["y"]
    assert rows.shape == (3, 1)
    assert rows.dtype == np.float32


def test_the_dtype_reaches_input_and_target() -> None:
    cases = series_cases(y=[1.0, 2.5, 3.0])
    codec = fit_codec(cases, DataSettings(), "regress", dtype="float64")
    encoded = codec.encode_cases(cases)[0]
    assert encoded.steps["x"].dtype == encoded.rows["y"].dtype == np.float64


def test_cases_without_targets_have_no_rows() -> None:
    assert fitted().encode_cases(series_cases(y=None))[0].rows == {}


def test_times_become_elapsed_time() -> None:
    encoded = fitted().encode(np.ones((3, 2)), times=np.array([5.0, 6.0, 9.0]))
    assert encoded.elapsed is not None
    assert encoded.elapsed.tolist() == [0.0, 1.0, 3.0]
    with pytest.raises(ShapeError, match=r"times \[T=3\], got \[2\]"):
        fitted().encode(np.ones((3, 2)), times=np.array([5.0, 6.0]))


def test_texts_become_tokens() -> None:
    cases = cases_from_arrays(["a b a", "b"], ["u", "v"])
    codec = fitted(cases, symbol="word")
    assert codec.signals() == {"x": Signal("steps", 3, "token")}
    assert [e.steps["x"].tolist() for e in codec.encode_cases(cases)] == [[1, 2, 1], [2]]
    arrays, slots = codec.step("b", None, codec.start())
    assert int(arrays["x"]) == 2
    assert slots == {}


def test_settings_reach_the_vocabulary() -> None:
    cases = cases_from_arrays(["a b a", "b c"], ["u", "v"])
    assert len(fitted(cases, symbol="word", min_count=2).input.vocabulary) == 2  # type: ignore[union-attr]  # texts


def test_only_the_training_part_is_learnt() -> None:
    cases = series_cases()
    alone = fitted(cases.subset([0, 1]))
    shifted = cases_from_arrays([*cases.inputs[:2], cases.inputs[2] + 100], cases.targets)
    assert fitted(shifted.subset([0, 1])) == alone
    assert fitted(shifted) != alone


def test_the_task_is_said_or_seen() -> None:
    auto = DataSettings()
    assert task_of(series_cases(), auto) == "classify"
    assert task_of(series_cases(y=[0.5, 1.0, 2.0]), auto) == "regress"
    assert task_of(series_cases(y=[1, 2, 3]), DataSettings(task="regress")) == "regress"
    with pytest.raises(DataError, match="no targets"):
        task_of(series_cases(y=None), auto)
    assert isinstance(fitted(series_cases(y=[1, 2, 3]), "regress").target, ValueCodec)
    codec = fitted(series_cases(y=[0.5, 1.0, 2.0]), "classify")
    assert isinstance(codec.target, LabelCodec)
    assert (codec.task, codec.target.labels) == ("classify", (0.5, 1.0, 2.0))


def test_errors_name_the_case() -> None:
    codec = fitted()
    with pytest.raises(DataError, match="X, case '1': expected a label seen in training"):
        codec.encode_cases(series_cases(y=["u", "w", "v"]))
    broken = Cases("series", (np.array([[1.0, np.nan]]),), ("x0", "x1"), ("p",), "f.csv")
    with pytest.raises(DataError, match=r"f\.csv, case 'p': column 'x1': step 0"):
        codec.encode_cases(broken)


def test_other_input_than_in_training_is_refused() -> None:
    with pytest.raises(DataError, match=r"expected series input.* got text"):
        fitted().encode_cases(cases_from_arrays(["text"]))
    with pytest.raises(DataError, match="expected 2 features"):
        fitted().encode_cases(cases_from_arrays([np.ones((2, 3))]))


@pytest.mark.parametrize("time", [float("nan"), float("inf"), "now", True])
def test_a_time_that_is_no_number_is_refused(time: Any) -> None:
    with pytest.raises(ObservationError, match="finite number as time"):
        fitted().step([1, 2], time, {})


CODECS = [
    fitted(),
    fitted(series_cases(y=[1.0, 2.5, 3.0]), "regress"),
    fitted(cases_from_arrays(["ab", "c"], [1, 2])),
    SequenceCodec(fitted().input, fitted().target, Columns("id", None, "label", None)),
]


@pytest.mark.parametrize("codec", CODECS)
def test_json_gives_the_same_codec_back(codec: SequenceCodec) -> None:
    assert codec_from_json(json.loads(json.dumps(codec.to_json()))) == codec


@pytest.mark.parametrize("codec", CODECS)
def test_json_without_one_of_its_keys_or_with_other_types_is_refused(codec: SequenceCodec) -> None:
    tree = codec.to_json()
    for part in ("input", "target"):
        for key in tree[part]:
            lacking = {name: value for name, value in tree[part].items() if name != key}
            for broken in (lacking, *({**lacking, key: wrong} for wrong in (None, {}, [], "x"))):
                with pytest.raises(BundleError):
                    codec_from_json({**tree, part: broken})
    for key in tree:
        with pytest.raises(BundleError):
            codec_from_json({name: value for name, value in tree.items() if name != key})


@pytest.mark.parametrize(
    "columns",
    [
        7,
        [],
        {"id": "a"},
        {"id": 1, "time": None, "target": None, "text": None},
        {"id": "\ud800", "time": None, "target": None, "text": None},
    ],
)
def test_damaged_columns_are_refused(columns: Any) -> None:
    with pytest.raises(BundleError):
        codec_from_json(fitted().to_json() | {"columns": columns})


def test_what_is_no_object_is_refused() -> None:
    for tree in (None, [], 3, "codec", {"kind": "sequence"}):
        with pytest.raises(BundleError):
            codec_from_json(tree)


def timed_codec(missing: str) -> SequenceCodec:
    x = np.array([[1.0, np.nan], [np.nan, 2.0], [3.0, 4.0]])
    raw = [Timed(x, [0.0, 60.0, 240.0]), Timed(x[::-1], [0.0, 30.0, 60.0])]
    settings = DataSettings(missing=missing)
    return fit_codec(cases_from_arrays(raw, ["u", "v"]), settings, "classify")


def test_a_series_goes_with_its_times_where_they_take_part() -> None:
    """So does its golden pair; elsewhere the times are left out."""
    x, times = np.array([[1.0, np.nan], [2.0, 3.0]]), np.array([0.0, 5.0])
    cases = cases_from_arrays([Timed(x, times)])
    (raw,) = timed_codec("decay").raw(cases)
    assert isinstance(raw, Timed)
    codec = timed_codec("decay")
    arrays = codec.case_arrays(raw)
    assert sorted(arrays) == ["times", "values"]
    again = codec.case_from_arrays(arrays)
    assert {n: a.tobytes() for n, a in codec.encode(again).steps.items()} == {
        n: a.tobytes() for n, a in codec.encode(x, times=times).steps.items()
    }
    (plain,) = timed_codec("last").raw(cases)
    assert plain is cases.inputs[0]
    assert sorted(codec.case_arrays(plain)) == [""]
    with pytest.raises(DataError, match="expected the times of the steps"):
        codec.encode(x)
    for wrong in (times[:1], np.array([0.0, np.nan]), times.astype(np.float32)):
        with pytest.raises(BundleError, match="golden input's times"):
            codec.case_from_arrays(arrays | {"times": wrong})


def test_signals_and_streams_are_those_of_the_strategy() -> None:
    assert sorted(timed_codec("decay").signals()) == ["elapsed", "observed", "x"]
    assert timed_codec("mask").signals()["x"].size == 6
    assert timed_codec("decay").why_not_streaming() is None
    assert "has not seen yet" in str(timed_codec("linear").why_not_streaming())
    assert codec_from_json(timed_codec("mask").to_json()) == timed_codec("mask")
