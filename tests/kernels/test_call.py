"""Each family agrees with the oracle, and its bits depend on nothing but the row itself."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from recurra import kernels
from recurra.errors import BackendError, DTypeError, ShapeError, SpecError
from recurra.kernels.call import Layer
from recurra.kernels.checked import WEIGHTS
from recurra.spec.cells import CELLS, RESETS

STATES = {cell.family: cell.state_fields for cell in CELLS.values()}
every_family = pytest.mark.parametrize("family", STATES)


def same(first, second):
    """Equal to the bit, NaN included."""
    assert first.shape == second.shape
    assert first.tobytes() == second.tobytes()


def gradients_for(case, rng, dtype):
    batch, time, hidden = case["x"].shape[:2] + case["h0"].shape[1:]
    shapes = [(batch, time, hidden)] + [(batch, hidden)] * len(STATES[case.family])
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def close(ours, theirs, dtype, what):
    """Within the rounding of a few dozen sums; float32 adds its tanh, good to 3e-7."""
    size = max(1.0, float(np.abs(theirs).max(initial=0.0)))
    tolerance = (2e-5 if dtype == "float32" else 2e-12) * size
    worst = float(np.abs(ours - theirs).max(initial=0.0))
    assert worst <= tolerance, f"{what}: {worst:.3g} > {tolerance:.3g}"


def tame(arrays, bound):
    """Unbounded activations feed themselves: a call that blew up says nothing of the kernel."""
    return all(float(np.abs(a).max(initial=0.0)) < bound for a in arrays)


def agree(case):
    """Values and every gradient of one case against the oracle; False: the case says nothing."""
    dtype = case["x"].dtype.name
    given = gradients_for(case, np.random.default_rng(0), dtype)
    outputs, gradients = case.oracle(given)
    if not tame(outputs, 50) or not tame(gradients.values(), 1e4):
        return False
    result = case.forward(keep=True)
    for name, theirs in zip(("y", *STATES[case.family]), outputs, strict=True):
        close(getattr(result, name), theirs, dtype, name)
    ours = case.backward(result.kept, given)
    for name in ours._fields:
        if case[name] is None:
            assert getattr(ours, name) is None, name
        else:
            close(getattr(ours, name), gradients[name], dtype, f"gradient of {name}")
    return True


@every_family
@given(data=st.data())
@settings(max_examples=60)
def test_values_and_gradients_are_the_oracles_in_float64(draw_call, family, data):
    """Any options and activations, in float64, where an error in a formula cannot hide."""
    assume(agree(data.draw(draw_call(family, "float64"))))


@every_family
@given(data=st.data())
@settings(max_examples=15)
def test_values_and_gradients_are_the_oracles_in_float32(draw_call, family, data):
    assume(agree(data.draw(draw_call(family, "float32", usual=True))))


@every_family
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_instruction_set_agrees_with_the_oracle(make_call, each_isa, family, dtype):
    options = frozenset(
        ["lengths", "starts", "valid", "input_bias", "recurrent_bias", "start_h", "zoneout_h"]
    )
    for reset in ("after", "before", "none") if family == "gru" else ("",):
        choices = {"reset": reset} if reset else {}
        case = make_call(
            family,
            np.random.default_rng(1),
            (9, 11, 5, 37),
            dtype=dtype,
            options=options,
            choices=choices,
        )
        assert agree(case)


@pytest.mark.parametrize("sizes", [(6, 430, 3, 17), (600, 3, 2, 5)])
@pytest.mark.parametrize(
    ("family", "choices"),
    [("gru", {"reset": reset}) for reset in RESETS] + [(f, {}) for f in STATES if f != "gru"],
)
def test_sums_over_many_chunks_of_rows_are_the_oracles(make_call, family, choices, sizes):
    """Backward takes about 512 rows at a time: here six chunks and three, each of which counts."""
    options = frozenset(["input_bias", "recurrent_bias", "lengths", "starts", "start_h"])
    rng = np.random.default_rng(22)
    choices = {"reverse": sizes[0] > sizes[1], **choices}
    assert agree(make_call(family, rng, sizes, options=options, choices=choices))


@every_family
@given(data=st.data())
def test_a_row_does_not_depend_on_its_neighbours(draw_call, family, data):
    """y, states, dx and the states' gradients of some rows alone have the bits of the whole."""
    case = data.draw(draw_call(family))
    batch = case["x"].shape[0]
    assume(batch > 1)
    chosen = data.draw(st.permutations(range(batch)))[: data.draw(st.integers(1, batch))]
    given = gradients_for(case, np.random.default_rng(3), case["x"].dtype)
    whole, part = case.forward(keep=True), case.rows(chosen).forward(keep=True)
    for name in ("y", *STATES[family]):
        same(getattr(whole, name)[chosen], getattr(part, name))
    all_gradients = case.backward(whole.kept, given)
    some = case.rows(chosen).backward(part.kept, [g[chosen] for g in given])
    for name in some._fields:
        rowwise = name in ("x", "decay") or name.endswith("0") or name.startswith("start_")
        if rowwise and getattr(some, name) is not None:
            same(getattr(all_gradients, name)[chosen], getattr(some, name))


@every_family
@given(data=st.data())
def test_chunks_of_time_and_single_steps_give_the_bits_of_the_whole(draw_call, family, data):
    case = data.draw(draw_call(family))
    assume(not case.choices["reverse"] and case["lengths"] is None)
    time = case["x"].shape[1]
    whole = case.forward()
    cut = data.draw(st.integers(0, time))
    per_step = ("x", "valid", "starts", "zoneout_h", "zoneout_c", "recurrent_dropout", "decay")
    states = tuple(case[f"{s}0"] for s in STATES[family])
    for piece in (slice(0, cut), slice(cut, time)):
        arrays = {n: a[:, piece] for n, a in case.arrays.items() if n in per_step and a is not None}
        arrays |= {f"{s}0": a for s, a in zip(STATES[family], states, strict=True)}
        result = case.but(**arrays).forward()
        same(whole.y[:, piece], result.y)
        states = tuple(getattr(result, s) for s in STATES[family])
    for name, state in zip(STATES[family], states, strict=True):
        same(getattr(whole, name), state)
    packed = case.packed()
    states = tuple(case[f"{s}0"] for s in STATES[family])
    for t in range(time):
        states = case.step(t, states, packed)
        same(whole.y[:, t], states[0])


@every_family
@pytest.mark.parametrize("sizes", [(40, 7, 9, 50), (3, 40, 16, 128), (700, 2, 3, 16)])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_number_of_threads_changes_no_bit(make_call, family, sizes, reverse):
    """Weight gradients too: batches shared by rows, and small ones shared by units."""
    for reset in ("after", "before") if family == "gru" else ("",):
        choices = {"reverse": reverse} | ({"reset": reset} if reset else {})
        case = make_call(
            family,
            np.random.default_rng(5),
            sizes,
            dtype="float32",
            choices=choices,
            options=frozenset(["lengths", "input_bias", "recurrent_bias", "starts"]),
        )
        given = gradients_for(case, np.random.default_rng(6), "float32")
        one = case.forward(keep=True, threads=1)
        alone = case.backward(one.kept, given, threads=1)
        # More threads than processors too: then some come late, and the others go on without them.
        for threads in (2, 3, 9):
            many = case.forward(keep=True, threads=threads)
            for name in one._fields:
                same(getattr(one, name), getattr(many, name))
            together = case.backward(many.kept, given, threads=threads)
            for name in alone._fields:
                if getattr(alone, name) is not None:
                    same(getattr(alone, name), getattr(together, name))


@every_family
@given(data=st.data())
def test_what_stands_at_skipped_steps_reaches_nothing(draw_call, family, data):
    """NaN and infinity there change no output and no gradient, the weights' included."""
    case = data.draw(draw_call(family))
    batch, time = case["x"].shape[:2]
    runs = np.ones((batch, time), bool)
    if case["lengths"] is not None:
        runs &= np.arange(time) < case["lengths"][:, None]
    if case["valid"] is not None:
        runs &= case["valid"]
    assume(not runs.all())
    poison = data.draw(st.sampled_from([np.nan, np.inf]))
    poisoned = case.but(
        **{
            n: np.where(runs[..., None], case[n], np.asarray(poison, case[n].dtype))
            for n in ("x", "zoneout_h", "zoneout_c", "recurrent_dropout", "decay")
            if case.arrays.get(n) is not None
        }
    )
    given = gradients_for(case, np.random.default_rng(8), case["x"].dtype)
    clean, dirty = case.forward(keep=True), poisoned.forward(keep=True)
    for name in clean._fields:
        same(getattr(clean, name), getattr(dirty, name))
    first, second = case.backward(clean.kept, given), poisoned.backward(dirty.kept, given)
    for name in first._fields:
        if getattr(first, name) is not None:
            same(getattr(first, name), getattr(second, name))


@every_family
def test_nan_at_a_step_that_runs_stays_in_its_row(make_call, family):
    case = make_call(family, np.random.default_rng(9), (10, 6, 4, 20), dtype="float32")
    x = case["x"].copy()
    x[3, 2] = np.nan
    clean, dirty = case.forward(keep=True), case.but(x=x).forward(keep=True)
    others = np.arange(10) != 3
    same(clean.y[others], dirty.y[others])
    same(clean.y[3, :2], dirty.y[3, :2])
    assert np.isnan(dirty.y[3, 2:]).all()
    given = gradients_for(case, np.random.default_rng(10), "float32")
    first, second = case.backward(clean.kept, given), case.but(x=x).backward(dirty.kept, given)
    same(first.x[others], second.x[others])
    same(first.h0[others], second.h0[others])


@every_family
def test_a_start_forgets_the_passed_state_and_its_gradient(make_call, family):
    case = make_call(
        family, np.random.default_rng(11), (4, 5, 3, 6), options=frozenset(["starts", "start_h"])
    )
    starts = np.zeros((4, 5), bool)
    starts[:, 2] = True
    case = case.but(starts=starts, start_h=case["start_h"])
    result = case.forward(keep=True)
    given = gradients_for(case, np.random.default_rng(12), "float64")
    given[0][:, :2] = 0
    gradients = case.backward(result.kept, given)
    assert not gradients.h0.any()
    assert gradients.start_h.any()


@every_family
def test_strided_inputs_are_read_in_place_or_copied_alike(make_call, family):
    """Time-first storage, a negative stride, every other row, read-only and Fortran order."""
    case = make_call(
        family,
        np.random.default_rng(13),
        (6, 5, 4, 9),
        dtype="float32",
        options=frozenset(["zoneout_h", "valid", "lengths"]),
    )
    expected = case.forward()
    time_first = np.ascontiguousarray(case["x"].swapaxes(0, 1)).swapaxes(0, 1)
    backwards = case["x"][:, ::-1].copy()[:, ::-1]
    wide = np.repeat(case["x"], 2, axis=0)[::2]
    frozen = case["x"].copy()
    frozen.flags.writeable = False
    for x in (time_first, backwards, wide, frozen, np.asfortranarray(case["x"])):
        same(expected.y, case.but(x=x).forward().y)
    share = np.broadcast_to(np.float32(0.5), case["zoneout_h"].shape)
    same(case.but(zoneout_h=share.copy()).forward().y, case.but(zoneout_h=share).forward().y)
    odd = np.frombuffer(b"\0" + case["h0"].tobytes(), np.uint8)[1:].view(np.float32).reshape(6, 9)
    same(expected.y, case.but(h0=odd).forward().y)


@every_family
def test_a_step_may_write_over_its_own_state(make_call, family):
    case = make_call(family, np.random.default_rng(14), (5, 1, 3, 7), dtype="float32")
    states = tuple(case[f"{s}0"].copy() for s in STATES[family])
    expected = case.step(0, states)
    out = states if len(states) == 2 else states[0]
    result = case.step(0, states, case.packed(), out=out)
    for state, want, got in zip(states, expected, result, strict=True):
        assert got is state
        same(state, want)


@every_family
def test_a_step_may_write_beside_or_across_what_it_reads(make_call, family):
    """Another row's state may be written ahead of its reading: such a step takes new arrays."""
    case = make_call(family, np.random.default_rng(23), (64, 1, 128, 128), dtype="float32")
    states = tuple(case[f"{s}0"] for s in STATES[family])
    expected = case.step(0, states, threads=1)
    packed = case.packed()
    for ahead in (0, 1):
        wide = [np.zeros((65, 128), np.float32) for _ in states]
        read, out = [w[ahead : 64 + ahead] for w in wide], [w[1 - ahead : 65 - ahead] for w in wide]
        for own, state in zip(read, states, strict=True):
            own[:] = state
        result = case.step(
            0, tuple(read), packed, out=tuple(out) if len(out) > 1 else out[0], threads=4
        )
        for want, got in zip(expected, result, strict=True):
            same(got, want)
    x = case["x"][:, 0].copy()
    out = (x, *(np.empty_like(s) for s in states[1:]))
    result = case.but(x=x[:, None]).step(
        0, states, packed, out=out if len(out) > 1 else x, threads=4
    )
    same(result[0], expected[0])


@every_family
def test_empty_calls_give_empty_results(make_call, family):
    for sizes in ((0, 4, 3, 5), (3, 0, 3, 5)):
        case = make_call(family, np.random.default_rng(15), sizes)
        result = case.forward(keep=True)
        assert result.y.shape == (*sizes[:2], 5)
        same(result.h, case["h0"])
        gradients = case.backward(result.kept, gradients_for(case, np.random.default_rng(1), float))
        assert not gradients.input_weight.any()


def refusals(case):
    """Arguments that fit nothing: (changed arrays, error, words of its message)."""
    x, h0 = case["x"], case["h0"]
    return [
        ({"x": x[0]}, ShapeError, "with 3 axes"),
        ({"x": x[..., :-1]}, ShapeError, "I="),
        ({"h0": h0[:-1]}, ShapeError, "B="),
        ({"x": x.astype(np.float16)}, DTypeError, "float16"),
        ({"x": x.astype(np.float32)}, DTypeError, "float32"),
        ({"x": x.tolist()}, DTypeError, "numpy array"),
        ({"lengths": np.full(len(h0), x.shape[1] + 1)}, ShapeError, "from 0 to T"),
        ({"lengths": np.full(len(h0), -1)}, ShapeError, "got -1"),
        ({"lengths": np.full(len(h0), 2**62)}, ShapeError, "from 0 to T"),
        ({"lengths": np.zeros(len(h0), np.int32)}, DTypeError, "int64"),
        ({"valid": np.ones(x.shape[:2])}, DTypeError, "bool"),
        ({"input_weight": case["input_weight"][:-1]}, ShapeError, "input_weight|recurrent_weight"),
        ({"input_weight": case["input_weight"][0]}, ShapeError, "input_weight"),
        ({"input_bias": np.zeros(1)}, ShapeError, "input_bias"),
    ]


@every_family
def test_arguments_that_do_not_fit_are_refused_with_a_sentence(make_call, family):
    case = make_call(family, np.random.default_rng(16), (4, 3, 2, 5))
    for changed, error, words in refusals(case):
        with pytest.raises(error, match=words):
            case.but(**changed).forward()
    with pytest.raises(SpecError, match="activation"):
        case.face.forward(**case.arrays, activation="swish")
    with pytest.raises(SpecError, match="threads"):
        case.forward(threads=-1)
    wrong = tuple(np.zeros((4, 6)) for _ in STATES[family])
    states = tuple(case[f"{s}0"] for s in STATES[family])
    with pytest.raises(ShapeError, match="out"):
        case.step(0, states, out=wrong if len(wrong) == 2 else wrong[0])


@every_family
def test_backward_refuses_what_forward_did_not_keep(make_call, family):
    case = make_call(family, np.random.default_rng(17), (4, 3, 2, 5))
    kept = case.forward(keep=True).kept
    given = gradients_for(case, np.random.default_rng(18), "float64")
    with pytest.raises(ShapeError, match="kept"):
        case.backward(kept[:-1], given)
    with pytest.raises(ShapeError, match="gradient of y"):
        case.backward(kept, [given[0][:, :-1], *given[1:]])
    with pytest.raises(DTypeError, match="gradient of h"):
        case.backward(kept, [given[0], given[1].astype(np.float32), *given[2:]])
    for header in (-1.0, 0.0, 99.0, np.nan, np.inf):
        broken = kept.copy()
        broken[0] = header
        with pytest.raises(ValueError, match="kept"):
            case.backward(broken, given)


@every_family
@given(data=st.data())
@settings(max_examples=150)
def test_the_binding_survives_any_argument(make_call, family, data):
    """Whatever is passed straight to the extension, an error or a result comes back."""
    native = pytest.importorskip("recurra.kernels._native")
    case = make_call(
        family,
        np.random.default_rng(19),
        (3, 4, 2, 5),
        dtype="float32",
        options=frozenset(["lengths", "valid", "input_bias", "zoneout_h"]),
    )
    codes = [list(STATES).index(family), 0, 0, 2]
    weights = [case.arrays.get(name) for name in WEIGHTS]
    c0 = case["h0"] if family == "lstm" else None
    call = [case["x"], case["h0"], c0, case["lengths"], case["valid"], None, None, None]
    call += [case["zoneout_h"], None, None, None, False, 1, True]

    def odd(value):
        kind = data.draw(st.integers(0, 9))
        if isinstance(value, np.ndarray):
            return [
                value[..., :-1],
                value[:-1],
                value[None],
                value.astype(np.float16),
                None,
                value[::-1],
                np.broadcast_to(value.ravel()[:1], value.shape),
                value[:0],
                value.astype(np.float64),
                "text",
            ][kind]
        return [None, -1, 3, 2**31 - 1, -(2**31), 1.5, "text", b"", np.zeros(3), True][kind]

    parts = [codes, weights, call]
    part = data.draw(st.sampled_from(parts))
    at = data.draw(st.integers(0, len(part) - 1))
    # Threads beyond reason are honoured as far as the work is worth: nothing to test here.
    assume(part is not call or at != 13)
    part[at] = odd(part[at])
    try:
        packed = native.PackedFloat32(*codes, *weights, False)
        y, h, _, kept = packed.forward(*call)
        given = [np.zeros_like(y), np.zeros_like(h), np.zeros_like(h) if family == "lstm" else None]
        native.backward_float32(*codes, *weights, kept, *given, *call[:-1], False)
    except (TypeError, ValueError, MemoryError):
        return
    assert y.shape == (*call[0].shape[:2], h.shape[1])


@every_family
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_backward_runs_where_forward_ran(make_call, family, dtype):
    """What was kept under one instruction set is read by it, whichever is in use by then."""
    case = make_call(family, np.random.default_rng(22), (5, 6, 3, 21), dtype=dtype)
    given = gradients_for(case, np.random.default_rng(23), dtype)
    before = kernels.isa()
    try:
        for writer in kernels.isas():
            kernels.set_isa(writer)
            kept = case.forward(keep=True).kept
            expected = case.backward(kept, given)
            for reader in kernels.isas():
                kernels.set_isa(reader)
                found = case.backward(kept, given)
                for name in expected._fields:
                    if getattr(expected, name) is not None:
                        same(getattr(expected, name), getattr(found, name))
    finally:
        kernels.set_isa(before)


def test_without_the_extension_backward_says_what_is_missing(make_call):
    if kernels.backend() == "native":
        program = """
import sys; sys.modules["recurra.kernels._native"] = None
import numpy as np
from recurra import kernels
from recurra.errors import BackendError
assert kernels.backend() == "portable" and kernels.isa() == "numpy", kernels.backend()
z = np.zeros
print(kernels.gru.forward(z((2, 3, 4)), z((2, 5)), z((15, 4)), z((15, 5))).y.shape, kernels.why())
try: kernels.gru.forward(z((2, 3, 4)), z((2, 5)), z((15, 4)), z((15, 5)), keep=True)
except BackendError as error: print(error)
"""
        run = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, env=dict(os.environ)
        )
        assert run.returncode == 0, run.stderr
        assert "(2, 3, 5)" in run.stdout
        assert "C++ compiler" in run.stdout
    else:
        case = make_call("gru", np.random.default_rng(0), (2, 3, 4, 5))
        with pytest.raises(BackendError, match=r"C\+\+ compiler"):
            case.forward(keep=True)


def test_packed_weights_are_those_of_the_moment(make_call):
    """A later change to the arrays is not seen: what was packed stays."""
    case = make_call("rnn", np.random.default_rng(21), (2, 3, 2, 4))
    weights = {name: case[name] for name in WEIGHTS}
    layer = Layer("rnn", weights)
    arrays = {"x": case["x"], "h0": case["h0"]}
    before = layer.forward(arrays, reverse=False, threads=1, keep=False)[0]
    case["input_weight"][...] = 0
    same(before, layer.forward(arrays, reverse=False, threads=1, keep=False)[0])
