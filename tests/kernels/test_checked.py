"""The unchecked calls give the bits of the checked ones, and copy only what cannot be read."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import kernels
from recurra.kernels import checked
from recurra.kernels.call import Layer

native = pytest.mark.skipif(kernels.backend() != "native", reason="the native kernels are absent")


@native
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("family", ["gru", "lstm", "rnn"])
def test_both_passes_have_the_bits_of_the_checked_layer(make_call, family, dtype, reverse):
    """With arrays of every place, and in both directions."""
    options = frozenset(["lengths", "valid", "starts", "input_bias", "start_h", "zoneout_h"])
    case = make_call(family, np.random.default_rng(1), (3, 4, 2, 5), dtype=dtype, options=options)
    weights = {name: case[name] for name in checked.WEIGHTS}
    arrays = {name: a for name, a in case.arrays.items() if name not in weights}
    layer = Layer(family, weights)
    y, states, kept = layer.forward(arrays, reverse=reverse, threads=1, keep=True)
    given = [np.ones_like(y), *map(np.ones_like, states)]
    gradients = layer.backward(kept, given, arrays, reverse=reverse, threads=1)

    codes = checked.codes_of(family)
    packed = checked.pack(codes, weights)
    ours = checked.forward(packed, arrays, reverse=reverse, threads=1, keep=True)
    found = checked.backward(
        codes, ours[2], given, {**weights, **arrays}, reverse=reverse, threads=1
    )
    for a, b in zip((ours[0], *ours[1], ours[2]), (y, *states, kept), strict=True):
        assert a.tobytes() == b.tobytes()
    assert {n for n, g in found.items() if g is None} == {
        n for n, g in gradients.items() if g is None
    }
    assert all(g is None or g.tobytes() == gradients[n].tobytes() for n, g in found.items())


def test_codes_tell_every_choice_apart():
    gru = [checked.codes_of("gru", reset=reset) for reset in ("after", "before", "none")]
    rnn = [checked.codes_of("rnn", activation=word) for word in ("tanh", "relu")]
    assert len({*gru, *rnn, checked.codes_of("lstm")}) == 6


def test_what_can_be_read_in_place_is_not_copied():
    array = np.arange(24.0).reshape(4, 6)
    assert checked.dense(array) is array
    assert checked.dense(None) is None
    frozen = array.copy()
    frozen.flags.writeable = False
    for readable in (array, frozen, array[::2, 1:3], np.broadcast_to(array[:, :1], (4, 6))):
        assert checked.readable(readable) is readable


def test_what_the_kernels_cannot_read_is_laid_out_anew():
    array = np.arange(24.0).reshape(4, 6)
    spread = np.broadcast_to(array[:, :1], (4, 6))
    for odd in (array.T, array[:, ::2], array.astype(">f8"), array[:, ::-1]):
        copy = checked.readable(odd)
        assert copy.flags.carray
        assert copy.dtype.isnative
        assert np.array_equal(copy, odd)
    assert checked.readable(spread, spread=False).flags.carray
