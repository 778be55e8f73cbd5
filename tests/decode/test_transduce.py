"""The decoder searches as its fields say, and its JSON gives the same decoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.decode import decoder_from_json
from recurra.decode.beam import beam_search
from recurra.decode.transduce import BeamDecoder
from recurra.errors import BundleError, SpecError

TABLE = np.log(
    [[0.1, 0.3, 0.35, 0.25], [0.1, 0.3, 0.3, 0.3], [0.2, 0.4, 0.2, 0.2], [0.1, 0.7, 0.1, 0.1]]
)


def step(tokens: Any, state: Any) -> tuple[Any, Any]:
    return TABLE[tokens], state


def test_the_search_is_the_one_that_is_named() -> None:
    """A beam of the width and penalty; at width 1 the greedy output."""
    state, longest = (np.zeros((2, 1)),), np.array([3, 1])
    wide = BeamDecoder(width=3, length_penalty=0.5).search(step, state, longest, boundary=1)
    wanted = beam_search(step, state, longest, start=1, end=1, width=3, length_penalty=0.5)
    assert wide == wanted
    assert [len(found) for found in wide] == [3, 3]
    greedy = BeamDecoder(width=1).search(step, state, longest, boundary=1)
    assert [[h.tokens for h in found] for found in greedy] == [[()], [()]]


def test_json_gives_the_same_decoder() -> None:
    """And nothing else is read."""
    decoder = BeamDecoder(width=2, length_penalty=0.6, longest=9)
    tree = decoder.to_json()
    assert decoder_from_json(tree) == decoder
    for wrong in ({"width": 0}, {"longest": True}, {"length_penalty": "1"}, {"more": 1}):
        with pytest.raises(BundleError):
            decoder_from_json(tree | wrong)
    with pytest.raises(SpecError, match="length_penalty must be a number >= 0"):
        BeamDecoder(length_penalty=float("nan"))
