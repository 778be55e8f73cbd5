"""A raw case goes into a golden file and comes back as it was; what is none is refused."""

import numpy as np
import pytest

from recurra.codecs import AbstractCodec
from recurra.codecs.abstract import text_of
from recurra.errors import BundleError, SpecError


@pytest.mark.parametrize("case", ["", "é\n", np.array([[1.0, np.nan], [2.0, 3.0]])])
def test_a_case_comes_back(case: object) -> None:
    codec = AbstractCodec()
    back = codec.case_from_arrays(codec.case_arrays(case))
    if isinstance(case, str):
        assert back == case
    else:
        np.testing.assert_array_equal(back, case)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"more": np.ones((2, 2))},
        {"": np.ones(2)},
        {"": np.ones((2, 2), np.float32)},
        {"": np.full((1, 1), np.inf)},
        {"": np.array([255], np.uint8)},
    ],
)
def test_what_is_no_case_is_refused(arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(BundleError, match="golden"):
        AbstractCodec().case_from_arrays(arrays)


def test_a_text_is_bytes() -> None:
    assert text_of(np.frombuffer(b"ab", np.uint8)) == "ab"
    with pytest.raises(BundleError, match="bytes"):
        text_of(np.ones(2))


def test_a_codec_must_say_what_it_does() -> None:
    codec = AbstractCodec()
    assert codec.columns is None
    assert codec.features == ()
    for ask in (lambda: codec.task, codec.signals, codec.to_json, lambda: codec.encode(1)):
        with pytest.raises(SpecError):
            ask()
