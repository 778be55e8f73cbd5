"""What comes next: probabilities and nats against plain formulas; no step knows its neighbours."""

from __future__ import annotations

import math

import numpy as np
import pytest

from recurra.decode import decoder_from_json
from recurra.decode.next_step import NextDecoder
from recurra.errors import ShapeError, SpecError

SYMBOLS = NextDecoder(form="symbol", size=5)
NOTES = NextDecoder(form="frame", size=4)
RNG = np.random.default_rng(0)


def test_symbols_share_one_probability() -> None:
    """Softmax over the symbols; the nats are minus the logarithm of what came."""
    scores = RNG.normal(scale=3, size=(2, 3, 5))
    chances = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(SYMBOLS.decode({"head": scores[:, 0]}), chances[:, 0])
    truth = np.array([[0, 4, 2], [1, 1, 3]])
    nats = SYMBOLS.nats({"head": scores}, truth)
    for b in range(2):
        for t in range(3):
            assert nats[b, t] == pytest.approx(-math.log(chances[b, t, truth[b, t]]))


def test_notes_are_independent() -> None:
    """A sigmoid each; the nats of a frame are the sum over its notes, silent ones too."""
    scores = RNG.normal(scale=3, size=(1, 2, 4))
    chances = 1 / (1 + np.exp(-scores))
    np.testing.assert_allclose(NOTES.probabilities(scores), chances)
    truth = np.array([[[1, 0, 0, 1], [0, 0, 0, 0]]], np.float32)
    expected = -np.log(np.where(truth > 0, chances, 1 - chances)).sum(axis=-1)
    np.testing.assert_allclose(NOTES.nats({"head": scores}, truth), expected)


def test_large_scores_do_no_harm() -> None:
    """Neither overflow nor NaN at scores of a thousand."""
    scores = np.array([[[1000.0, -1000.0, 0.0, 1000.0]]])
    truth = np.array([[[1, 0, 1, 0]]])
    assert NOTES.nats({"head": scores}, truth)[0, 0] == pytest.approx(1000 + math.log(2))
    assert NOTES.probabilities(scores)[0, 0].tolist() == [1.0, 0.0, 0.5, 1.0]


@pytest.mark.parametrize(("decoder", "wide"), [(SYMBOLS, 5), (NOTES, 4)])
def test_a_step_is_the_same_bits_alone(decoder: NextDecoder, wide: int) -> None:
    """Whatever stands beside it, in the batch or in time."""
    scores = RNG.normal(scale=4, size=(3, 7, wide)).astype(np.float32)
    truth = RNG.integers(0, 2, size=(3, 7) if decoder is SYMBOLS else (3, 7, wide))
    together = decoder.nats({"head": scores}, truth)
    for b in range(3):
        for t in range(7):
            one = decoder.nats({"head": scores[b : b + 1, t : t + 1]}, truth[b : b + 1, t : t + 1])
            assert one.tobytes() == together[b, t].tobytes()
            row = decoder.decode({"head": scores[b, t][None]})
            assert row.tobytes() == decoder.decode({"head": scores[:, t]})[b].tobytes()


def test_it_survives_json() -> None:
    """Written and read again it is the same value; forged fields are refused."""
    assert decoder_from_json(NOTES.to_json()) == NOTES
    for change in ({"form": "chord"}, {"size": 0}, {"size": True}):
        with pytest.raises(SpecError):
            NextDecoder(**{"form": "frame", "size": 4} | change)  # type: ignore[arg-type]  # forged


def test_axes_that_do_not_fit_are_refused() -> None:
    """Scores and truth must be of the same steps."""
    with pytest.raises(ShapeError, match="next decoder expected"):
        SYMBOLS.nats({"head": np.zeros((1, 2, 5))}, np.zeros((1, 3), int))
    with pytest.raises(ShapeError, match="next decoder expected"):
        NOTES.nats({"head": np.zeros((1, 2, 5))}, np.zeros((1, 2, 5)))
