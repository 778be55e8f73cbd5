"""An `.npz` gives the cases that were saved, ragged ones by their lengths; objects never."""

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recurra.codecs.read_npz import read_npz
from recurra.errors import DataError


def archive(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


X = np.arange(24.0).reshape(2, 4, 3)


def test_equal_lengths(write: Any) -> None:
    cases = read_npz(write(archive(x=X, y=np.array([3, 5])), "f.npz"))
    assert [x.tolist() for x in cases.inputs] == X.tolist()
    assert cases.target_values() == [3, 5]
    assert cases.source.endswith("f.npz")
    first = read_npz(write(archive(x=X.transpose(0, 2, 1)), "f.npz"), layout="nct")
    assert [x.tolist() for x in first.inputs] == X.tolist()


@pytest.mark.parametrize("layout", ["ntc", "nct"])
def test_padding_beyond_a_length_is_never_read(write: Any, layout: Any) -> None:
    x = X.copy()
    x[0, 2:] = np.nan
    x = x if layout == "ntc" else x.transpose(0, 2, 1)
    path = write(archive(x=x, lengths=np.array([2, 4])), "f.npz")
    cases = read_npz(path, layout=layout)
    assert cases.lengths.tolist() == [2, 4]
    assert cases.inputs[0].tolist() == X[0, :2].tolist()


def test_cases_one_after_the_other(write: Any) -> None:
    path = write(archive(x=X[0], lengths=np.array([1, 3]), y=np.array(["u", "v"])), "f.npz")
    cases = read_npz(path)
    assert [x.tolist() for x in cases.inputs] == [X[0, :1].tolist(), X[0, 1:].tolist()]
    assert cases.targets == ("u", "v")


def test_texts_and_the_task(write: Any) -> None:
    path = write(archive(x=np.array(["ab", "c"]), y=np.array([1.0, 2.0])), "f.npz")
    assert read_npz(path).target_kind == "class"
    assert read_npz(path, task="regress").target_kind == "number"
    assert read_npz(path).inputs == ("ab", "c")


def objects() -> bytes:
    ragged = np.empty(2, dtype=object)
    ragged[:] = [np.ones((1, 1)), np.ones((2, 1))]
    return archive(x=ragged)


def damaged(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty file"),
        (b"id,a\n", r"expected an \.npz archive, got other bytes"),
        (archive(x=X)[:100], "got a damaged one"),
        (damaged("x.npy", b"\x93NUMPY\x01\x00\xff\xff{"), "got a damaged one"),
        (damaged("x.npy", b"no array"), "got a damaged one"),
        (archive(a=X), "expected an array x, got none"),
        (archive(y=np.ones(2)), "expected an array x, got y"),
        (objects(), r"array of objects: for cases of unequal length save x"),
        (archive(x=X[0]), r"X expected an array \[N, T, C\]"),
        (archive(x=X, y=np.ones(3)), "one value for each of 2 cases, got 3"),
        (archive(x=X, lengths=np.array([2, 5])), r"x expected \[N=2, T >= 5, C\]"),
        (archive(x=X[0], lengths=np.array([2, 5])), r"or \[7, C\] as lengths says, got \[4, 3\]"),
        (archive(x=X, lengths=np.array([0, 1])), "lengths expected whole numbers >= 1"),
        (archive(x=X, lengths=np.array([-1, 1])), "lengths expected whole numbers >= 1"),
        (archive(x=X, lengths=np.array([1.0, 1.0])), "lengths expected whole numbers >= 1"),
        (archive(x=X, lengths=np.array(["1", "2"])), "lengths expected whole numbers >= 1"),
        (archive(x=X, lengths=np.array(2)), "lengths expected whole numbers >= 1"),
        (archive(x=X, lengths=np.array([], int)), r"x expected \[N=0"),
        (archive(x=X[:0]), "at least one case, got none"),
        (archive(x=X + np.inf), r"X\[0\] expected finite numbers, got inf at step 0"),
        (archive(x=np.array([["a"]])), "X expected"),
        (archive(x=np.array(5)), r"X expected an array \[N, T, C\]"),
        (archive(x=np.array([b"ab"])), "X expected"),
        (archive(x=X, y=np.array([b"u", b"v"])), "expected a label or a number, got bytes"),
        (archive(x=X, lengths=np.array([2**62, 2**62])), "x expected"),
    ],
)
def test_what_is_no_case_is_refused(
    refusal: Callable[..., DataError], content: bytes, words: str
) -> None:
    assert re.search(words, str(refusal(content, "f.npz")))
