"""Every source gives cases or one sentence: nothing else ever comes out, whatever its bytes."""

import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.codecs import SUFFIXES, fit_codec, read_cases
from recurra.errors import DataError
from recurra.spec.settings import DataSettings

LONG = pl.DataFrame(
    {
        "id": ["p"] * 3 + ["q"] * 3,
        "time": [0, 1, 2] * 2,
        "a": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "label": ["u"] * 3 + ["v"] * 3,
    }
)


def saved(save: Callable[[io.BytesIO], Any]) -> bytes:
    out = io.BytesIO()
    save(out)
    return out.getvalue()


SEEDS = [
    ("f.csv", LONG.write_csv().encode()),
    ("f.csv", b'text,label\n"a, ""b""\nc",1\nd,2\n'),
    ("f.tsv", b"good film\t1\nbad film\t0\nfine\t1\n"),
    ("f.ts", b"@dimensions 2\n@classLabel true u v\n@data\n1,2:3,4:u\n5:6:v\n"),
    (
        "f.jsonl",
        b'{"x": [[1, 2], [3, 4]], "y": "u", "time": [0, 1]}\n'
        b'{"x": [[5, 6]], "y": "v", "time": [0]}\n',
    ),
    ("f.npz", saved(lambda out: np.savez(out, x=np.ones((3, 2)), lengths=[1, 2], y=["u", "v"]))),
    ("f.parquet", saved(LONG.write_parquet)),
]
PIECES = [
    *(bytes([b]) for b in b',\n\r\t":@[]{}-?\x00\xff '),
    b"nan", b"1e999", b"9" * 400, b"null", b"\\ud800", b"\xef\xbb\xbf", b"id", b"label", b"[[[[",
    b"2024-05-01", b"@data\n", b"PK", b"PAR1",
]  # fmt: skip


@st.composite
def damaged(draw: Any) -> tuple[str, bytes]:
    """A good file with a few bytes flipped, removed, doubled or put in."""
    name, content = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        to = draw(st.integers(at, min(len(content), at + 20)))
        piece = draw(
            st.one_of(st.sampled_from(PIECES), st.binary(max_size=4), st.just(content[at:to]))
        )
        keep = draw(st.booleans())
        content = content[:at] + piece + content[at if keep else to :]
    return name, content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content


def read_or_refuse(path: Path) -> None:
    try:
        cases = read_cases(path, DataSettings())
    except DataError as error:
        message = str(error)
        assert "\n" not in message
        assert str(path) in message
        return
    assert len(cases) == len(cases.ids) == len(cases.target_values()) > 0
    for x in cases.inputs:
        assert x.strip() if isinstance(x, str) else len(x) and not np.isinf(x).any()


@settings(max_examples=300, deadline=None)
@given(damaged())
def test_damaged_files_give_cases_or_one_sentence(write: Any, case: tuple[str, bytes]) -> None:
    read_or_refuse(write(case[1], case[0]))


@given(st.sampled_from(SUFFIXES), st.binary(max_size=60))
def test_any_bytes_give_cases_or_one_sentence(write: Any, suffix: str, content: bytes) -> None:
    read_or_refuse(write(content, f"g{suffix}"))


@pytest.mark.deep
@settings(max_examples=20_000, deadline=None)
@given(damaged())
def test_many_damaged_files_give_cases_or_one_sentence(write: Any, case: tuple[str, bytes]) -> None:
    read_or_refuse(write(case[1], case[0]))


def test_what_is_no_source_is_refused(tmp_path: Path, write: Any) -> None:
    for source, words in (
        (tmp_path / "missing.csv", r"missing\.csv: expected a readable file, but No such file"),
        (tmp_path / "missing", "missing: expected a readable file, but there is none"),
        (tmp_path, "expected a file, got a folder"),
        (write("a", "f.xls"), r"ends in \.csv, .*got '\.xls'"),
        (write("a", "plain"), "got 'no suffix'"),
        (write("a", "a.txt"), "to continue it, take --task generate"),
        (42, "expected a path or a data frame, got int"),
        (None, "got NoneType"),
    ):
        with pytest.raises(DataError, match=words):
            read_cases(source, DataSettings())


def test_a_path_may_be_a_text_and_its_suffix_in_capitals(write: Any) -> None:
    assert len(read_cases(str(write(LONG.write_csv(), "F.CSV")), DataSettings())) == 2


def test_one_class_and_a_constant_column_are_refused_before_training(write: Any) -> None:
    one = read_cases(
        write(LONG.with_columns(label=pl.lit("u")).write_csv(), "f.csv"), DataSettings()
    )
    with pytest.raises(DataError, match=r"f\.csv, column 'label': .* only 'u' in all 2 cases"):
        fit_codec(one, DataSettings(), "classify")
    flat = LONG.with_columns(b=pl.lit(7))
    cases = read_cases(write(flat.write_csv(), "f.csv"), DataSettings())
    with pytest.raises(DataError, match=r"f\.csv, column 'b': .* got 7 in all 6 rows .*--features"):
        fit_codec(cases, DataSettings(), "classify")
    part = read_cases(write(flat.write_csv(), "f.csv"), DataSettings(features=("a",)))
    assert fit_codec(part, DataSettings(), "classify").task == "classify"


def trained(frame: pl.DataFrame = LONG, task: Any = "auto") -> Any:
    chosen = DataSettings(task=task)
    return fit_codec(read_cases(frame, chosen), chosen, "classify" if task == "auto" else task)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "f.csv",
            LONG.drop("a").write_csv(),
            "expected the column 'a', which the model was trained",
        ),
        ("f.csv", LONG.drop("id").write_csv(), "which sequence a row belongs to"),
        ("f.csv", "text,label\na,u\n", "expected the column 'a'"),
        ("f.jsonl", '{"x": "text", "y": "u"}\n', "expected series input.* got text"),
        ("f.jsonl", '{"x": [[1, 2]], "y": "u"}\n', r"expected 1 features \(a\), got 2"),
    ],
)
def test_a_trained_model_refuses_other_sources(
    refusal: Callable[..., DataError], name: str, content: str, words: str
) -> None:
    assert re.search(words, str(refusal(content, name, expect=trained(), need_target=False)))


def test_prediction_needs_no_target_and_no_varying_column(write: Any) -> None:
    path = write("time,id,a,more\n0,p,7,x\n1,p,7,y\n", "f.csv")
    cases = read_cases(path, DataSettings(), expect=trained(), need_target=False)
    assert (cases.targets, cases.features, cases.ids) == (None, ("a",), ("p",))
    with pytest.raises(DataError, match="expected a column to predict"):
        read_cases(path, DataSettings(), expect=trained())


def test_evaluation_reads_targets_as_in_training(write: Any) -> None:
    numbers = LONG.with_columns(label=pl.Series([1] * 3 + [2] * 3))
    path = write(numbers.write_csv(), "f.csv")
    assert read_cases(path, DataSettings(), expect=trained(task="auto")).target_kind == "class"
    regressor = trained(numbers, "regress")
    assert read_cases(path, DataSettings(), expect=regressor).target_kind == "number"
    unseen = write(LONG.with_columns(label=pl.lit("w")).write_csv(), "f.csv")
    cases = read_cases(unseen, DataSettings(), expect=trained())
    with pytest.raises(DataError, match=r"f\.csv, case 'p': expected a label seen in training"):
        trained().encode_cases(cases)


def test_sources_without_names_are_taken_by_position(write: Any) -> None:
    path = write('{"x": [1, 2], "y": "u"}\n', "f.jsonl")
    assert read_cases(path, DataSettings(), expect=trained()).features == ("a",)


def test_settings_that_do_not_fit_the_form_are_refused(write: Any) -> None:
    path = write(SEEDS[3][1], "f.ts")
    with pytest.raises(DataError, match=r"\.ts has no named columns: leave features out"):
        read_cases(path, DataSettings(features=("a",)))
    with pytest.raises(DataError, match="expected a source with ids to join"):
        read_cases(path, DataSettings(labels=write("id,label\n0,u\n", "labels.csv")))
    labels = write("x", "labels.npz")
    with pytest.raises(DataError, match=r"labels\.npz: expected labels in a table"):
        read_cases(write(LONG.write_csv(), "f.csv"), DataSettings(labels=labels))


@pytest.mark.data
def test_real_texts_with_and_without_a_header(real_data: Path) -> None:
    films = read_cases(real_data / "sst2" / "train.tsv", DataSettings())
    assert (len(films), films.kind, sorted(set(films.target_values()))) == (
        6920,
        "text",
        ["0", "1"],
    )
    assert films.inputs[0].startswith("a stirring , funny")
    meals = read_cases(real_data / "waimai_10k" / "waimai_10k.csv", DataSettings())
    labels = meals.target_values()
    assert (len(meals), meals.kind) == (11987, "text")
    assert round(labels.count("0") / len(labels), 3) == 0.666


def test_importing_the_codecs_loads_numpy_alone() -> None:
    code = "import sys, recurra.codecs; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"polars", "pydantic", "torch", "pandas", "pyarrow"} & set(done.stdout.split())
