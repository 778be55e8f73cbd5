"""The best path in ONNX Runtime is the decoder's, tag by tag, among equal paths too."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.onnx_graphs import run
from recurra.convert.onnx_viterbi import check_paths, paths_model
from recurra.decode import TagDecoder
from recurra.errors import ConversionError

TAGS = {
    "none": ("a", "b", "c"),
    "bio": ("B-X", "B-Y", "I-X", "I-Y", "O"),
    "bioes": ("B-X", "E-X", "I-X", "O", "S-X"),
}


def potentials(count: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.integers(-4, 5, count * (count + 2)) / 2).astype(np.float32)


@given(scheme=st.sampled_from(list(TAGS)), crf=st.booleans(), seed=st.integers(0, 999))
def test_every_tag_is_the_decoder_s(scheme: str, crf: bool, seed: int) -> None:
    """Of every scheme, with and without a CRF; half of the drawn scores make many equal paths."""
    tags = TAGS[scheme]
    decoder = TagDecoder(output="head", tags=tags, scheme=scheme, potentials="crf" if crf else "")
    row = potentials(len(tags), seed) if crf else None
    model = paths_model(decoder, row)
    onnx.checker.check_model(model, full_check=True)
    assert check_paths(model, decoder, row, seed=seed).runs == 3


def test_a_sequence_without_steps_has_no_tags() -> None:
    decoder = TagDecoder(output="head", tags=("a", "b"))
    scores = np.ones((2, 3, 2), np.float32)
    scores[1, 1, 1] = 2
    found = run(paths_model(decoder, None), head=scores, lengths=np.array([0, 2]))
    assert found["tags"].tolist() == [[0, 0, 0], [0, 1, 0]]


def test_another_path_is_refused() -> None:
    """Were start and end exchanged, nothing would be written."""
    decoder = TagDecoder(output="head", tags=TAGS["none"], potentials="crf")
    row = potentials(3, 1)
    wrong = np.concatenate((row[-3:], row[3:-3], row[:3]))
    with pytest.raises(ConversionError, match=r"the tags of .* are other ones in ONNX Runtime"):
        check_paths(paths_model(decoder, wrong), decoder, row)
