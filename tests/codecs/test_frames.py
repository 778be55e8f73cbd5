"""The codec of frames: many-hot, shifted by one, strict about numbers and widths."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from recurra.codecs.cases import Cases
from recurra.codecs.frames import FrameCodec, check_frames
from recurra.errors import BundleError, DataError, ObservationError
from recurra.spec.settings import DataSettings

TUNE = ((0, 2), (), (3,))
CODEC = FrameCodec(4)


def cases(*tunes: tuple[tuple[int, ...], ...]) -> Cases:
    return Cases("frames", tunes, (), tuple(str(i) for i in range(len(tunes))), "music")


def test_each_frame_is_predicted_from_the_one_before() -> None:
    """y is many-hot, x is y one step later, zeros first."""
    encoded = CODEC.encode(TUNE)
    assert encoded.steps["y"].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    assert encoded.steps["x"].tolist() == [[0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    assert encoded.steps["x"].dtype == np.float32
    assert [CODEC.frame_of(row) for row in encoded.steps["y"]] == list(TUNE)


def test_the_width_is_that_of_the_data_or_the_one_that_is_named() -> None:
    """One more than the largest number, unless `frame_width` says more."""
    assert FrameCodec.fit(cases(TUNE), DataSettings()).width == 4
    assert FrameCodec.fit(cases(TUNE), DataSettings(frame_width=88), "float64").width == 88
    with pytest.raises(DataError, match=r"music: expected numbers from 0 below 3 .* largest is 3"):
        FrameCodec.fit(cases(TUNE), DataSettings(frame_width=3))
    with pytest.raises(DataError, match="all of them are empty"):
        FrameCodec.fit(cases(((), ())), DataSettings())


def test_a_number_beyond_the_width_is_refused() -> None:
    """What training did not show has no output."""
    with pytest.raises(DataError, match=r"music, case '1': step 0: .* got 4: .*frame_width"):
        CODEC.encode_cases(cases(TUNE, ((4,),)))


@pytest.mark.parametrize(
    ("frames", "match"),
    [
        ([], "at least one frame"),
        ("abc", "at least one frame"),
        (5, "at least one frame"),
        ([1, 2], "step 0: expected a list of numbers"),
        ([[1], "2"], "step 1: expected a list of numbers"),
        ([[1.5]], "whole numbers, got 1.5"),
        ([[True]], "whole numbers, got True"),
        ([[-1]], "from 0 below"),
        ([[1, 1]], "stands twice"),
    ],
)
def test_what_are_no_frames(frames: Any, match: str) -> None:
    """Each mistake is said with its step."""
    with pytest.raises(DataError, match=match):
        check_frames(frames, "frames")


def test_frames_are_put_in_order() -> None:
    """A frame is a set: its numbers rise."""
    assert check_frames([[3, 1], []], "frames") == ((1, 3), ())


def test_one_frame_at_a_time() -> None:
    """A stream's frame is that of the whole sequence; others are refused."""
    assert CODEC.step([0, 2], None, {})[0]["x"].tolist() == [1, 0, 1, 0]
    for wrong in (7, "a", [9], [0, 0]):
        with pytest.raises(ObservationError, match=r"expected|twice"):
            CODEC.step(wrong, None, {})


def test_a_prompt_begins_with_zeros() -> None:
    """What is fed ahead of the first drawn frame."""
    assert CODEC.prompt(()).tolist() == [[0, 0, 0, 0]]
    assert CODEC.prompt(TUNE).shape == (4, 4)


def test_it_survives_json_and_the_golden_file() -> None:
    """Codec and raw case come back as they were."""
    assert FrameCodec.from_json(json.loads(json.dumps(CODEC.to_json()))) == CODEC
    assert CODEC.case_from_arrays(CODEC.case_arrays(TUNE)) == TUNE


@pytest.mark.parametrize("change", [{"width": 0}, {"width": "4"}, {"dtype": "int8"}, {"more": 1}])
def test_forged_json_is_refused(change: dict[str, Any]) -> None:
    """Exact keys, exact types."""
    with pytest.raises(BundleError, match="codec"):
        FrameCodec.from_json(CODEC.to_json() | change)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"notes": np.array([1])},
        {"notes": np.array([1]), "counts": np.array([2])},
        {"notes": np.array([-1]), "counts": np.array([1])},
        {"notes": np.array([1.0]), "counts": np.array([1])},
        {"notes": np.array([1, 1]), "counts": np.array([2])},
        {"notes": np.array([], np.int64), "counts": np.array([], np.int64)},
    ],
)
def test_forged_golden_arrays_are_refused(arrays: dict[str, Any]) -> None:
    """Numbers and counts that fit one another."""
    with pytest.raises(BundleError, match="frame"):
        CODEC.case_from_arrays(arrays)


def test_texts_are_no_frames() -> None:
    """A model of frames refuses texts."""
    with pytest.raises(DataError, match="expected frames"):
        CODEC.arrange(Cases("text", ("a",), (), ("0",), "file"))
