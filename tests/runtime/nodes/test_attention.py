"""The numpy readers give the same bits whatever stands beside, behind or ahead of a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.errors import SpecError
from recurra.runtime.nodes.attention import NumpyAttention, NumpyMixture, NumpySpread
from recurra.spec.attention import SCORES, Attention, Mixture, Spread

NO_STEPS = {"lengths": None, "valid": None, "starts": None}
PLACES = np.array([6, 2, 4, 0])


def readers(score: str) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(0)
    node = Attention(query_size=5, key_size=5, score=score)
    weights = {n: rng.normal(size=s).astype(np.float32) for n, s in node.parameters().items()}
    attention = NumpyAttention(node, weights, np.dtype(np.float32))
    mixture = NumpyMixture(Mixture(size=5), {}, np.dtype(np.float32))
    queries = rng.normal(size=(4, 7, 5)).astype(np.float32)
    return attention, mixture, queries, rng.normal(size=(4, 6, 5)).astype(np.float32)


@pytest.mark.parametrize("score", SCORES)
def test_neither_batch_nor_padding_nor_steps_change_a_bit(score: str) -> None:
    """A row alone, with its memory cut to its length, one step at a time."""
    attention, mixture, queries, memory = readers(score)
    padded = np.where(np.arange(6)[None, :, None] < PLACES[:, None, None], memory, np.nan)
    padded = padded.astype(np.float32)
    weights, state = attention(queries, padded, PLACES, None, **NO_STEPS)
    context, _ = mixture(weights, padded, PLACES, None, **NO_STEPS)
    np.testing.assert_allclose(weights.sum(axis=2), (PLACES > 0)[:, None] + np.zeros(7), rtol=1e-5)
    np.testing.assert_allclose(context[0], weights[0] @ memory[0], rtol=1e-4, atol=1e-6)
    for b, places in enumerate(PLACES):
        own, length = padded[b : b + 1, :places], PLACES[b : b + 1]
        for t in range(7):
            alone, _ = attention.step(
                queries[b : b + 1, t], own, length, state, valid=None, starts=None
            )
            assert alone.tobytes() == weights[b, t, :places].tobytes()
            mixed, _ = mixture.step(alone, own, length, state, valid=None, starts=None)
            assert mixed.tobytes() == context[b, t].tobytes()


def test_skipped_steps_are_zero() -> None:
    """NaN there is not read."""
    attention, _, queries, memory = readers("additive")
    queries[0, 2] = np.nan
    valid = np.ones((4, 7), bool)
    valid[0, 2] = False
    steps = {"lengths": None, "valid": valid, "starts": None}
    weights, _ = attention(queries, memory, PLACES, None, **steps)
    assert np.isfinite(weights).all()
    assert not weights[0, 2].any()
    spread = NumpySpread(Spread(size=5), {}, np.dtype(np.float32))
    rows, _ = spread(queries, memory[:, 0], None, **steps)
    assert not rows[0, 2].any()
    np.testing.assert_array_equal(rows[0, 3], memory[0, 0])
    one, _ = spread.step(queries[:, 2], memory[:, 0], None, valid=valid[:, 2], starts=None)
    np.testing.assert_array_equal(one, rows[:, 2])


def test_a_native_program_refuses_them() -> None:
    """What cannot be placed says so."""
    for reader in readers("dot")[:2]:
        with pytest.raises(SpecError, match="it reads no memory"):
            reader.place(None, 0)
