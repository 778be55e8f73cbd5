"""The scan is minGRU's published equation, however long, and in the same bits however it is cut."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.kernels import scan


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def made(make_call, sizes=(3, 7, 4, 19), options=("input_bias",), **more):
    rng = np.random.default_rng(0)
    return make_call("scan", rng, sizes, options=frozenset(options), **more)


def test_it_is_the_published_equation(make_call):
    """Feng et al. 2024, section 3.1, with z written as here: z = 1 takes the new value."""
    case = made(make_call)
    h, result = case["h0"], case.forward()
    for t in range(7):
        z, n = np.split(case["x"][:, t] @ case["input_weight"].T + case["input_bias"], 2, axis=1)
        h = (1 - sigmoid(z)) * h + sigmoid(z) * n
        np.testing.assert_allclose(result.y[:, t], h, rtol=0, atol=1e-13)
    np.testing.assert_allclose(result.h, h, rtol=0, atol=1e-13)


def test_exchanging_the_gates_changes_the_result(make_call):
    case = made(make_call)
    swapped = {
        name: np.concatenate(np.split(case[name], 2)[::-1])
        for name in ("input_weight", "input_bias")
    }
    assert np.abs(case.but(**swapped).forward().y - case.forward().y).max() > 0.1


def test_update_gates_at_their_ends_hold_and_replace_exactly(make_call):
    case = made(make_call)
    bias = case["input_bias"].copy()
    for end, expected in ((-1e3, case["h0"]), (1e3, None)):
        bias[:19] = end
        y = scan.forward(**case.but(input_bias=bias).arrays, gate_activation="hard_sigmoid").y
        if expected is not None:
            assert (y == expected[:, None]).all()
        else:
            other = scan.forward(
                **case.but(input_bias=bias, h0=case["h0"] + 1).arrays,
                gate_activation="hard_sigmoid",
            )
            np.testing.assert_allclose(other.y, y, rtol=0, atol=1e-13)


LONG = ("input_bias", "lengths", "valid", "starts", "start_h", "zoneout_h")


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_longer_than_a_chunk_it_is_the_oracles(make_call, each_isa, dtype, reverse):
    """The kernel takes 64 steps of a row at a time; 150 steps cross that edge twice."""
    choices = {"reverse": reverse, "activation": "tanh"}
    case = made(make_call, (3, 150, 5, 21), LONG, dtype=dtype, choices=choices)
    rng = np.random.default_rng(1)
    given = [rng.standard_normal(s).astype(dtype) for s in ((3, 150, 21), (3, 21))]
    outputs, gradients = case.oracle(given)
    result = case.forward(keep=True)
    ours = case.backward(result.kept, given)._asdict() | {"y": result.y, "h": result.h}
    theirs = gradients | dict(zip(("y", "h"), outputs, strict=True))
    for name, array in ours.items():
        scale = max(1.0, np.abs(theirs[name]).max())
        tolerance = 1e-5 if dtype == "float32" else 1e-13
        assert np.abs(array - theirs[name]).max() <= tolerance * scale, name


def test_however_a_long_sequence_is_cut_the_bits_are_the_same(make_call, each_isa):
    """Of outputs, states, dx and the gradients that flow back over the cuts."""
    case = made(make_call, (2, 150, 5, 21), LONG, dtype="float32")
    case = case.but(lengths=None)
    rng = np.random.default_rng(1)
    dy, dh = (rng.standard_normal(s).astype("float32") for s in ((2, 150, 21), (2, 21)))
    whole = case.forward(keep=True)
    back = case.backward(whole.kept, [dy, dh])
    parts, h = [], case["h0"]
    for first, last in ((0, 1), (1, 65), (65, 69), (69, 150)):
        names = ("x", "valid", "starts", "zoneout_h")
        part = case.but(h0=h, **{name: case[name][:, first:last] for name in names})
        parts.append((part, part.forward(keep=True), dy[:, first:last]))
        assert parts[-1][1].y.tobytes() == whole.y[:, first:last].tobytes()
        h = parts[-1][1].h
    assert h.tobytes() == whole.h.tobytes()
    d_x = []
    for part, result, d_part in reversed(parts):
        gradients = part.backward(result.kept, [d_part, dh])
        dh = gradients.h0
        d_x.insert(0, gradients.x)
    assert np.concatenate(d_x, 1).tobytes() == back.x.tobytes()
    assert dh.tobytes() == back.h0.tobytes()


@pytest.mark.parametrize("sizes", [(1, 300, 8, 64), (20, 60, 8, 16), (3, 5, 200, 300)])
def test_threads_change_no_bit_whether_they_share_units_or_rows(make_call, sizes):
    case = made(make_call, sizes, ("input_bias", "starts", "start_h"), dtype="float32")
    dy, dh = np.ones((*sizes[:2], sizes[3]), "f4"), np.ones((sizes[0], sizes[3]), "f4")
    results = []
    for threads in (1, 2, 3):
        result = case.forward(keep=True, threads=threads)
        gradients = case.backward(result.kept, [dy, dh], threads=threads)
        results.append([array.tobytes() for array in (*result, *gradients)])
    assert results[0] == results[1] == results[2]


def test_what_is_kept_is_as_long_as_workspace_says(make_call, each_isa):
    for dtype in ("float32", "float64"):
        case = made(make_call, (3, 5, 2, 17), dtype=dtype)
        assert case.forward(keep=True).kept.shape == (scan.workspace(3, 5, 17, dtype=dtype),)


def test_a_state_that_decays_becomes_zero_not_denormal(make_call):
    case = made(make_call, (1, 2000, 1, 16), (), dtype="float32")
    silent = case.but(x=np.zeros_like(case["x"]))
    assert not silent.forward().h.any()


def test_the_binding_takes_no_recurrent_weights():
    native = pytest.importorskip("recurra.kernels._native")
    weight, square = np.zeros((6, 2)), np.zeros((6, 3))
    codes = (3, 0, 6, 1)
    assert native.PackedFloat64(*codes, weight, None, None, None, False)
    for recurrent, bias in ((square, None), (None, np.zeros(6))):
        with pytest.raises(ValueError, match="no recurrent weights"):
            native.PackedFloat64(*codes, weight, recurrent, None, bias, False)
    with pytest.raises(ValueError, match="missing"):
        native.PackedFloat64(0, 2, 0, 1, weight, None, None, None, False)
