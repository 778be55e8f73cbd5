"""A decoder is a frozen value whose JSON gives it back, and it keeps nothing between steps."""

import numpy as np
import pytest

from recurra.decode import AbstractDecoder, ClassDecoder, ValueDecoder, decoder_from_json
from recurra.errors import ShapeError

DECODERS = [ClassDecoder(classes=3), ValueDecoder(output="level")]


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda d: d.kind)
def test_json_gives_the_same_decoder_back(decoder: AbstractDecoder) -> None:
    assert decoder_from_json(decoder.to_json()) == decoder


def test_a_step_is_the_decoding_of_its_outputs() -> None:
    decoder = ClassDecoder(classes=3)
    outputs = {"head": np.array([[0.5, -1.0, 2.0]], np.float32)}
    answer, slots = decoder.step(outputs, decoder.start())
    assert np.array_equal(answer, decoder.decode(outputs))
    assert slots == {}


@pytest.mark.parametrize("shape", [(2, 4), (3,), (2, 3, 3)])
def test_an_output_of_another_width_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"expected head \[B, 3\]"):
        ClassDecoder(classes=3).decode({"head": np.zeros(shape)})
