"""The numpy dense layer gives each row the same bits alone, in a batch and one step at a time."""

from __future__ import annotations

import numpy as np

from recurra.runtime.nodes.dense import NumpyDense
from recurra.spec.dense import Dense

NO_STEPS = {"lengths": None, "valid": None, "starts": None}


def test_rows_steps_and_batches_agree_to_the_bit() -> None:
    """And nothing is read where a step does not count."""
    rng = np.random.default_rng(0)
    node = Dense(input_size=5, output_size=3, activation="sigmoid")
    weights = {n: rng.normal(size=s).astype(np.float32) for n, s in node.parameters().items()}
    dense = NumpyDense(node, weights, np.dtype(np.float32))
    x = rng.normal(size=(4, 7, 5)).astype(np.float32)
    whole, state = dense(x, dense.initial_state(4), **NO_STEPS)
    wanted = 1 / (1 + np.exp(-(x @ weights["weight"].T + weights["bias"])))
    np.testing.assert_allclose(whole, wanted, rtol=1e-5)
    for b in range(4):
        for t in range(7):
            row, _ = dense(x[b : b + 1, t], state, **NO_STEPS)
            assert row.tobytes() == whole[b, t].tobytes()
            one, _ = dense.step(x[b : b + 1, t], state, valid=None, starts=None)
            assert one.tobytes() == row.tobytes()
    x[1, 3:] = np.nan
    lengths = np.array([7, 3, 7, 7])
    cut, _ = dense(x, state, lengths=lengths, valid=None, starts=None)
    np.testing.assert_array_equal(cut[1, :3], whole[1, :3])
    assert not cut[1, 3:].any()
