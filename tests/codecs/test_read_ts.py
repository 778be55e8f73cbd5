"""A `.ts` file gives the arrays that aeon's own loader gives, and a wrong line is named."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.codecs import read_cases
from recurra.codecs.read_ts import read_ts
from recurra.errors import DataError
from recurra.spec.settings import DataSettings

HEAD = "@univariate false\n@dimensions 2\n@classLabel true u v\n@data\n"


@pytest.mark.parametrize("name", ["JapaneseVowels", "BasicMotions", "ItalyPowerDemand"])
@pytest.mark.parametrize("part", ["TRAIN", "TEST"])
def test_aeon_reads_the_same(name: str, part: str) -> None:
    datasets = pytest.importorskip("aeon.datasets", reason="aeon comes with the demo extra only")
    path = Path(datasets.__file__).parent / "data" / name / f"{name}_{part}.ts"
    x, y = datasets.load_from_ts_file(str(path))
    cases = read_ts(path)
    # aeon lowers the labels' case; here they stay as they stand.
    assert [str(label).lower() for label in cases.target_values()] == y.tolist()
    assert len(cases) == len(x)
    for ours, theirs in zip(cases.inputs, x, strict=True):
        assert ours.shape == theirs.T.shape
        assert np.array_equal(ours, theirs.T)


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "cases", "channels", "lengths", "classes"),
    [
        ("japanese_vowels/JapaneseVowels_TRAIN.ts", 270, 12, (7, 26), 9),
        ("japanese_vowels/JapaneseVowels_TEST.ts", 370, 12, (7, 29), 9),
        ("ucr/BasicMotions_TRAIN.ts", 40, 6, (100, 100), 4),
        ("ucr/ItalyPowerDemand_TEST.ts", 1029, 1, (24, 24), 2),
    ],
)
def test_the_published_figures_of_real_data(
    real_data: Path, file: str, cases: int, channels: int, lengths: tuple[int, int], classes: int
) -> None:
    read = read_cases(real_data / file, DataSettings())
    assert (len(read), len(read.features)) == (cases, channels)
    assert (read.lengths.min(), read.lengths.max()) == lengths
    assert len(set(read.target_values())) == classes


def test_what_is_missing_is_not_a_number(write: Any) -> None:
    cases = read_ts(write(HEAD + "1,?:3,4:u\n1,2:nan,4:v\n1,2:3,:v\n", "f.ts"))
    missing = [np.argwhere(np.isnan(x)).tolist() for x in cases.inputs]
    assert missing == [[[1, 0]], [[0, 1]], [[1, 1]]]
    assert cases.missing == {"x0": 1 / 6, "x1": 2 / 6}


def test_lengths_may_differ_between_cases(write: Any) -> None:
    cases = read_ts(
        write("# a remark: 1\n\n" + HEAD + "1,2,3:4,5,6:u\n# rem\n 7 : 8 : v \n", "f.ts")
    )
    assert cases.inputs[0].tolist() == [[1, 4], [2, 5], [3, 6]]
    assert cases.inputs[1].tolist() == [[7, 8]]
    assert (cases.targets, cases.target_kind, cases.features) == (("u", "v"), "class", ("x0", "x1"))


def test_a_target_may_be_a_number(write: Any) -> None:
    path = write("@targetLabel true\n@data\n1,2:0.5\n3:7\n", "f.ts")
    cases = read_ts(path)
    assert cases.target_kind == "number"
    assert cases.target_values() == [0.5, 7.0]
    assert read_ts(path, task="classify").targets == ("0.5", "7")


def test_there_may_be_no_target(write: Any) -> None:
    path = write("@classLabel false\n@data\n1,2:3,4\n", "f.ts")
    assert read_ts(path).targets is None
    with pytest.raises(DataError, match="expected targets, got none"):
        read_cases(path, DataSettings())
    assert read_cases(path, DataSettings(), need_target=False).targets is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty file"),
        ("id,a\n1,2\n", r"line 1: expected a line that begins with @ before @data, got 'id,a'"),
        ("@classLabel true u v\n", "expected a line @data"),
        (HEAD, "expected cases after @data"),
        (HEAD + "1,2:3,4:w\n", r"line 5: expected one of the labels .* \(u, v\).*got 'w'"),
        (HEAD + "1,2:3,4\n", "line 5: expected one of the labels .* got '3,4'"),
        (HEAD + "1,2:u\n", "line 5: expected 2 channels and a target, got 1: "),
        (HEAD + "1:2:3:u\n", "line 5: expected 2 channels and a target, got 3"),
        (HEAD + "1,2:3:u\n", "line 5, column 'x1': expected 2 values as in x0, got 1"),
        (HEAD + ":3:u\n", "line 5, column 'x0': expected values, got a sequence of length 0"),
        (HEAD + "1,2:3,x:v\n", "step 1: expected a finite number, got 'x'"),
        (HEAD + "1,2:3,1e999:v\n", "got '1e999'"),
        (HEAD + "1,2:3,1_0:v\n", "got '1_0'"),
        ("@dimensions two\n@data\n", "line 1: expected @dimensions with a number"),
        ("@dimensions 0\n@data\n", "line 1: expected @dimensions with a number"),
        ("@univariate maybe\n@data\n", "line 1: expected @univariate true or false"),
        ("@timeStamps true\n@data\n", "line 1: expected plain values, got @timeStamps true"),
        ("@classLabel true\n@data\n", "line 1: expected the labels after @classLabel true"),
        ("@targetLabel true\n@data\n1,2:u\n", "line 3: expected a finite number as target.*'u'"),
        ("@data\n1:2\n1\n", "line 3: expected 2 channels, got 1"),
        ("@univariate true\n@data\n1:2\n", "line 3: expected 1 channel, got 2"),
        ("@\n@data\n", "expected cases after @data"),
        ("@classLabel true u\n@data\nu\n", "line 3: expected 1 channel and a target, got 0: "),
    ],
)
def test_a_wrong_line_is_named(refusal: Callable[..., DataError], content: str, words: str) -> None:
    assert re.search(words, str(refusal(content, "f.ts")))
