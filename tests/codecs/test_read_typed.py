"""Parquet and every data frame with the Arrow interface give the same cases as the CSV."""

import io
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from recurra.codecs import Cases, read_cases
from recurra.codecs.read_typed import is_frame, read_frame, read_parquet
from recurra.errors import DataError
from recurra.spec.settings import DataSettings

FRAME = pl.DataFrame(
    {
        "id": ["p", "p", "q"],
        "time": [0, 1, 0],
        "a": [1.0, 2.5, 3.0],
        "b": [1, 2, 3],
        "label": [1, 1, 2],
    }
)


def parquet(frame: pl.DataFrame = FRAME) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def read(source: Any) -> Cases:
    return read_cases(source, DataSettings())


def pandas_frame() -> pd.DataFrame:
    """With an index of its own, which is no feature."""
    return FRAME.to_pandas().set_index(pd.Index([5, 6, 7]))


@pytest.mark.parametrize(
    "frame",
    [
        FRAME,
        pandas_frame(),
        FRAME.to_arrow(),
        FRAME.with_columns(pl.col("id").cast(pl.Categorical)),
    ],
    ids=["polars", "pandas", "pyarrow", "categorical"],
)
def test_frames_give_the_same_cases(frame: Any) -> None:
    assert is_frame(frame)
    cases = read(frame)
    assert (cases.ids, cases.features, cases.source) == (("p", "q"), ("a", "b"), "X")
    assert [x.tolist() for x in cases.inputs] == [[[1.0, 1.0], [2.5, 2.0]], [[3.0, 3.0]]]
    assert cases.targets == (1, 2)


def test_parquet_and_csv_agree(write: Any) -> None:
    first = read(write(parquet(), "f.parquet"))
    second = read(write(FRAME.write_csv(), "f.csv"))
    assert first.targets == (1, 2)
    assert second.targets == ("1", "2")
    assert first.ids == second.ids
    assert first.columns == second.columns
    for a, b in zip(first.inputs, second.inputs, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize(
    ("column", "targets", "kind"),
    [
        (pl.Series([True, True, False]), (True, False), "class"),
        (pl.Series([1.0, 1.0, 2.0]), (1.0, 2.0), "class"),
        (pl.Series([1.5, 1.5, 2.0]), [1.5, 2.0], "number"),
        (pl.Series(["u", "u", "v"]), ("u", "v"), "class"),
    ],
)
def test_targets_keep_their_type(column: pl.Series, targets: Any, kind: str) -> None:
    cases = read(FRAME.with_columns(column.alias("label")))
    assert cases.target_kind == kind
    assert cases.target_values() == list(targets)


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_null_and_nan_are_missing_values(nothing: float | None) -> None:
    cases = read(FRAME.with_columns(a=pl.Series([1.0, nothing, 2.0])))
    assert cases.missing == {"a": 1 / 3}
    assert np.isnan(cases.inputs[0][:, 0]).tolist() == [False, True]


def test_typed_dates_are_seconds() -> None:
    dates = pl.Series(["1970-01-01", "1970-01-02", "1970-01-01"]).str.to_date()
    for column in (dates, dates.cast(pl.Datetime("ns")), dates.cast(pl.Datetime("ms", "UTC"))):
        cases = read(FRAME.with_columns(column.alias("time")))
        assert cases.times is not None
        assert cases.times[0].tolist() == [0.0, 86400.0]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (FRAME.with_columns(a=pl.Series([1.0, 2.0, float("inf")])), "row 3: .* infinite"),
        (FRAME.with_columns(a=pl.lit(None)), "column without any value"),
        (FRAME.with_columns(id=pl.Series(["p", None, "q"])), "row 2: expected an id"),
        (FRAME.with_columns(label=pl.Series([1, 1, None])), "row 3: expected a target"),
        (FRAME.with_columns(label=pl.Series([1, 3, 2])), "row 2: expected one target"),
        (FRAME.with_columns(time=pl.Series([0, 0, 0])), "row 2: .* the time 0 twice"),
        (FRAME.with_columns(id=pl.Series([[1], [1], [2]])), "got List"),
        (FRAME.head(0), "expected rows, got none"),
        (FRAME.rename({"a": "a\nb"}), r"expected names on one line, got 'a\\nb'"),
        (FRAME.rename({"a": " "}), "expected names on one line, got ' '"),
    ],
)
def test_the_row_of_an_error_is_named(frame: pl.DataFrame, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(frame)


def test_dates_and_texts_are_no_features_unless_named() -> None:
    frame = FRAME.with_columns(day=pl.lit("2024-01-01").str.to_date(), word=pl.lit("x"))
    cases = read(frame)
    assert cases.features == ("a", "b")
    assert cases.columns is not None
    assert set(cases.columns.ignored) == {"day", "word"}
    for name, words in (("day", "got the date '2024-01-01'"), ("word", "got the text 'x'")):
        with pytest.raises(DataError, match=words):
            read_cases(frame, DataSettings(features=("a", name)))


class Broken:
    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise RuntimeError("no stream today")


def test_a_frame_that_cannot_be_handed_over_is_refused() -> None:
    with pytest.raises(DataError, match="cannot be handed over: no stream today"):
        read_frame(Broken())


def test_a_damaged_parquet_is_refused(refusal: Callable[..., DataError]) -> None:
    content = parquet()
    for damaged in (b"PAR1", b"PAR1PAR1", b"id,a\n", content[:-9], content[9:]):
        assert "expected a Parquet file" in str(refusal(damaged, "f.parquet"))
    middle = content[:4] + bytes(len(content) - 8) + content[-4:]
    assert "got a damaged one" in str(refusal(middle, "f.parquet"))


def test_a_damaged_parquet_leaves_standard_error_clean(write: Any) -> None:
    """polars prints the traces of its threads; they must not reach the user's terminal."""
    content = bytearray(parquet(pl.DataFrame({"a": list(range(1000))})))
    content[40:80] = bytes(40)
    path = write(bytes(content), "f.parquet")
    code = (
        "from pathlib import Path; import sys\n"
        "from recurra.codecs.read_typed import read_parquet\n"
        "from recurra.errors import DataError\n"
        f"try: read_parquet(Path({str(path)!r}))\n"
        "except DataError: print('refused')\n"
        "print('still there', file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"
    assert done.stderr == "still there\n"


def test_a_parquet_without_rows_is_refused(write: Any) -> None:
    with pytest.raises(DataError, match="expected rows, got none"):
        read_parquet(write(parquet(FRAME.head(0)), "f.parquet"))
