"""The numpy convolution gives each row the same bits alone, in a batch, in chunks and in steps."""

import numpy as np

from recurra.runtime.nodes.convolution import NumpyConvolution
from recurra.spec.convolution import Convolution


def made(dtype: str = "float32") -> NumpyConvolution:
    rng = np.random.default_rng(0)
    node = Convolution(input_size=3, output_size=5, width=3, activation="tanh")
    weights = {n: rng.normal(size=s).astype(dtype) for n, s in node.parameters().items()}
    return NumpyConvolution(node, weights, np.dtype(dtype))


def test_steps_chunks_and_batches_agree_to_the_bit() -> None:
    node = made()
    x = np.random.default_rng(1).normal(size=(4, 7, 3)).astype(np.float32)
    none = {"lengths": None, "valid": None, "starts": None}
    whole, end = node(x, node.initial_state(4), **none)
    first, state = node(x[:, :2], node.initial_state(4), **none)
    rest, again = node(x[:, 2:], state, **none)
    assert np.concatenate([first, rest], axis=1).tobytes() == whole.tobytes()
    assert again.recent.tobytes() == end.recent.tobytes()
    for b in range(4):
        state = node.initial_state(1)
        for t in range(7):
            one, state = node.step(x[b : b + 1, t], state, valid=None, starts=None)
            assert one.tobytes() == whole[b, t].tobytes()
    lengths = np.array([7, 3, 0, 5])
    x[1, 3:] = np.nan
    cut, _ = node(x, node.initial_state(4), lengths=lengths, valid=None, starts=None)
    assert cut[1, :3].tobytes() == whole[1, :3].tobytes()
    assert not cut[1, 3:].any()
