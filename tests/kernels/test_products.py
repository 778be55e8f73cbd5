"""Products of bfloat16 stay close to float64, and keep every promise of sameness.

Rounding a factor loses at most 2^-9 of it, a product 2^-8. Over random weights the GRU's outputs
lose 2e-3 to 6e-3 of the largest value, gradients up to 8e-3: the bounds leave room for other draws.
"""

from __future__ import annotations

import numpy as np
import pytest

from recurra import kernels
from recurra.errors import BackendError, ShapeError, SpecError

FORMS = [
    ("gru", {"reset": "after"}),
    ("gru", {"reset": "before"}),
    ("gru", {"reset": "none"}),
    ("lstm", {}),
    ("rnn", {}),
    ("scan", {}),
]
# Gates hold the state near; a plain network carries each rounding on.
OUTPUT_BOUNDS = {"gru": 1e-2, "lstm": 2e-2, "rnn": 2.5e-2, "scan": 1e-2}
GRADIENT_BOUND = 1.5e-2
BIASES = frozenset(["input_bias", "recurrent_bias"])
ALL = BIASES | {"lengths", "valid", "starts", "start_h", "zoneout_h", "recurrent_dropout"}

needs_tiles = pytest.mark.skipif(
    kernels.why_not_bfloat16() is not None, reason=f"no bfloat16: {kernels.why_not_bfloat16()}"
)
forms = pytest.mark.parametrize(("family", "choices"), FORMS, ids=map(str, FORMS))


def deviation(value, exact):
    return np.abs(value - exact).max() / np.abs(exact).max()


def made(make_call, family, choices, sizes, options=BIASES, seed=0):
    rng = np.random.default_rng(seed)
    return make_call(family, rng, sizes, dtype="float32", options=options, choices=choices)


def ran(case, gradients=None, **options):
    """Outputs and, of these gradients of them, every gradient."""
    result = case.forward(keep=True, products="bfloat16", **options)
    *outputs, kept = result
    if gradients is None:
        rng = np.random.default_rng(9)
        gradients = [rng.standard_normal(a.shape).astype(np.float32) for a in outputs]
    found = case.backward(kept, gradients, products="bfloat16", **options)
    return outputs, {n: g for n, g in found._asdict().items() if g is not None}, gradients


@needs_tiles
@forms
@pytest.mark.parametrize("sizes", [(5, 7, 4, 19), (33, 40, 33, 64), (1, 60, 70, 33)], ids=str)
def test_outputs_and_gradients_are_close_to_float64(make_call, family, choices, sizes):
    case = made(make_call, family, choices, sizes)
    outputs, found, gradients = ran(case)
    exact, exact_gradients = case.oracle(gradients)
    for value, wanted in zip(outputs, exact, strict=True):
        assert 1e-6 < deviation(value, wanted) < OUTPUT_BOUNDS[family]
    for name, gradient in found.items():
        assert deviation(gradient, exact_gradients[name]) < GRADIENT_BOUND, name


@needs_tiles
@forms
def test_every_field_is_taken(make_call, family, choices):
    options = ALL | ({"start_c", "zoneout_c"} if family == "lstm" else set())
    options |= {"decay"} if family == "gru" else set()
    case = made(make_call, family, choices, (20, 9, 5, 18), options=options)
    outputs, found, gradients = ran(case)
    exact, exact_gradients = case.oracle(gradients)
    for value, wanted in zip(outputs, exact, strict=True):
        assert deviation(value, wanted) < OUTPUT_BOUNDS[family]
    for name, gradient in found.items():
        assert deviation(gradient, exact_gradients[name]) < GRADIENT_BOUND, name


@needs_tiles
@forms
def test_no_bit_depends_on_the_threads(make_call, family, choices):
    for sizes in ((40, 12, 9, 50), (3, 30, 9, 130)):
        case = made(make_call, family, choices, sizes, options=ALL)
        one, first, gradients = ran(case, threads=1)
        for threads in (2, 3):
            many, second, _ = ran(case, gradients, threads=threads)
            for a, b in zip(one, many, strict=True):
                np.testing.assert_array_equal(a, b)
            for name, gradient in first.items():
                np.testing.assert_array_equal(gradient, second[name], err_msg=name)


@needs_tiles
@forms
def test_no_bit_of_a_row_depends_on_its_neighbours(make_call, family, choices):
    """And so neither on where the row falls among the tiles."""
    case = made(make_call, family, choices, (37, 12, 9, 50), options=ALL)
    whole, found, gradients = ran(case)
    of_rows = [n for n in found if n in ("x", "h0", "c0", "start_h")]
    for rows in (slice(0, 1), slice(3, 20), slice(18, 37), slice(4, 33, 7)):
        part, some, _ = ran(case.rows(rows), [g[rows] for g in gradients])
        for a, b in zip(whole, part, strict=True):
            np.testing.assert_array_equal(a[rows], b)
        for name in of_rows:
            np.testing.assert_array_equal(found[name][rows], some[name], err_msg=name)


@needs_tiles
@forms
def test_steps_chunks_and_the_whole_have_the_same_bits(make_call, family, choices):
    case = made(make_call, family, choices, (3, 70, 9, 18))
    whole = case.forward(products="bfloat16")
    states = [f"{s}0" for s in ("h", "c")[: len(whole) - 2]]
    now, parts = {n: case[n] for n in states}, []
    for piece in (slice(0, 1), slice(1, 40), slice(40, 70)):
        y, *last, _ = case.but(x=case["x"][:, piece], **now).forward(products="bfloat16")
        now = dict(zip(states, last, strict=True))
        parts.append(y)
    np.testing.assert_array_equal(np.concatenate(parts, 1), whole.y)
    stepped = tuple(case[n] for n in states)
    for t in range(5):
        stepped = case.step(t, stepped, products="bfloat16")
        np.testing.assert_array_equal(stepped[0], whole.y[:, t])


@needs_tiles
@forms
def test_nan_at_a_valid_step_stays_in_its_row_and_elsewhere_reaches_nothing(
    make_call, family, choices
):
    case = made(make_call, family, choices, (20, 8, 5, 18), options=BIASES | {"valid"})
    clean, found, gradients = ran(case)
    x = case["x"].copy()
    x[~case["valid"]] = np.nan
    outputs, same, _ = ran(case.but(x=x), gradients)
    for a, b in zip(clean, outputs, strict=True):
        np.testing.assert_array_equal(a, b)
    for name, gradient in found.items():
        np.testing.assert_array_equal(gradient, same[name], err_msg=name)
    x, valid = case["x"].copy(), case["valid"].copy()
    valid[7, 2] = True
    before, *_ = ran(case.but(valid=valid), gradients)
    x[7, 2] = np.nan
    outputs, some, _ = ran(case.but(x=x, valid=valid), gradients)
    others = np.arange(20) != 7
    np.testing.assert_array_equal(outputs[0][others], before[0][others])
    assert np.isnan(outputs[0][7, 2:]).all()
    np.testing.assert_array_equal(some["x"][others], found["x"][others])


@needs_tiles
@pytest.mark.parametrize("sizes", [(0, 3, 2, 4), (3, 0, 2, 4), (4, 3, 2, 1)], ids=str)
def test_empty_and_small_sizes_are_computed(make_call, sizes):
    case = made(make_call, "gru", {"reset": "after"}, sizes)
    outputs, found, gradients = ran(case)
    exact, exact_gradients = case.oracle(gradients)
    np.testing.assert_allclose(outputs[1], exact[1], atol=0.02)
    np.testing.assert_allclose(found["h0"], exact_gradients["h0"], atol=0.05)


def test_without_tiles_it_is_refused_with_the_reason(make_call):
    case = made(make_call, "gru", {"reset": "after"}, (2, 3, 4, 5))
    before = kernels.isa()
    try:
        kernels.set_isa("baseline")
        with pytest.raises(BackendError, match=r"products='bfloat16': they need .*take 'float32'"):
            case.forward(products="bfloat16")
    finally:
        kernels.set_isa(before)


@needs_tiles
def test_float64_has_no_rounded_products(make_call):
    case = made(make_call, "gru", {"reset": "after"}, (2, 3, 4, 5)).as_float64()
    with pytest.raises(BackendError, match="the weights are float64"):
        case.forward(products="bfloat16")


def test_products_are_one_of_two_words(make_call):
    case = made(make_call, "gru", {"reset": "after"}, (2, 3, 4, 5))
    with pytest.raises(SpecError, match="expected products in float32, bfloat16; got 'half'"):
        case.forward(products="half")


@needs_tiles
def test_what_avx512_kept_is_not_read_as_rounded(make_call):
    """It is longer; and were it not, its header names its writer."""
    case = made(make_call, "gru", {"reset": "after"}, (2, 3, 4, 5))
    result = case.forward(keep=True)
    with pytest.raises(ShapeError, match="expected kept"):
        case.backward(result.kept, [result.y, result.h], products="bfloat16")
    header = 16
    cut = result.kept[: header + (len(result.kept) - header) // 2]
    with pytest.raises(ValueError, match="not written by products of bfloat16"):
        case.backward(cut, [result.y, result.h], products="bfloat16")


@needs_tiles
def test_what_is_kept_takes_half_the_memory(make_call):
    case = made(make_call, "gru", {"reset": "after"}, (2, 3, 4, 5))
    exact, rounded = (case.forward(keep=True, products=p).kept for p in ("float32", "bfloat16"))
    assert 2 * (len(rounded) - 16) == len(exact) - 16
