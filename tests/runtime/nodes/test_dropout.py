"""Dropout is the identity once training is over."""

import numpy as np

from recurra.runtime.nodes.dropout import NumpyDropout
from recurra.spec.nodes import Dropout


def test_what_comes_in_goes_out() -> None:
    node = NumpyDropout(Dropout(rate=0.9), {}, np.dtype("f4"))
    x = np.array([[[1.0], [np.nan]]], np.float32)
    assert node(x, None, lengths=None, valid=None, starts=None)[0] is x
    assert node.step(x[:, 0], None, valid=None, starts=None)[0].tolist() == [[1.0]]
    assert node.initial_state(3) == ()
