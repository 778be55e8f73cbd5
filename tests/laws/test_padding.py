"""Law: whatever stands at a skipped step, NaN included, changes no output and no gradient."""

from __future__ import annotations

import torch
from draws import backends, calls, compute, gradients, same, with_arrays
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from recurra.ops.call import Call
from recurra.spec.kernel import FAMILIES

PADDED = (("lengths",), ("valid",), ("lengths", "valid"), ("lengths", "valid", "starts"))


def skipped(call: Call) -> Tensor:
    """Steps that are beyond the length or not valid, [B, T]."""
    batch, steps, _ = call.x.shape
    out = torch.zeros(batch, steps, dtype=torch.bool)
    if call.arrays["lengths"] is not None:
        out |= torch.arange(steps) >= call.arrays["lengths"][:, None]
    if call.arrays["valid"] is not None:
        out |= ~call.arrays["valid"]
    return out


def filled(call: Call, value: float) -> Call:
    """The call with `value` at every skipped step of every real array along time."""
    where = skipped(call)[:, :, None]
    return with_arrays(
        call,
        **{
            name: call.arrays[name].masked_fill(where, value)
            for name, field in FAMILIES[call.family].items()
            if "T" in field.axes and field.dtype == "real" and call.arrays[name] is not None
        },
    )


@given(st.sampled_from(PADDED).flatmap(lambda forms: calls(forms=forms)), backends())
def test_what_stands_at_skipped_steps_changes_nothing(call: Call, backend: str) -> None:
    clean, spoilt = filled(call, 0.25), filled(call, float("nan"))
    assert all(map(torch.equal, compute(clean, backend), compute(spoilt, backend)))
    ours, theirs = gradients(spoilt, backend), gradients(clean, backend)
    for name, gradient in ours.items():
        assert torch.equal(gradient, theirs[name]), name
        if name in ("x", "decay"):
            assert not gradient[skipped(call)].any(), name


@given(calls(forms=("valid", "starts")), backends())
def test_nothing_beyond_the_length_is_read(call: Call, backend: str) -> None:
    """`valid` and `starts` may be true there, and more padding may follow."""
    batch, steps, _ = call.x.shape
    lengths = torch.full((batch,), steps)
    longer: dict[str, Tensor | None] = {"lengths": lengths}
    for name, field in FAMILIES[call.family].items():
        array = call.arrays[name]
        if "T" in field.axes and array is not None:
            rest = (0, 0) if array.ndim == 3 else ()
            filler = float("nan") if field.dtype == "real" else True
            longer[name] = functional.pad(array, (*rest, 0, 2), value=filler)
    y, *states = compute(with_arrays(call, **longer), backend)
    whole = compute(call, backend)
    assert not y[:, steps:].any()
    assert same([y[:, :steps], *states], whole, backend)


@given(calls(forms=("valid", "starts")), backends())
def test_an_empty_row_keeps_its_state(call: Call, backend: str) -> None:
    lengths = torch.zeros(len(call.x), dtype=torch.int64)
    y, *states = compute(with_arrays(call, lengths=lengths), backend)
    assert not y.any()
    assert torch.equal(states[0], call.arrays["h0"])


@given(calls(forms=("lengths", "valid", "starts")), backends())
def test_a_held_state_that_is_nan_spoils_no_weight(call: Call, backend: str) -> None:
    """A row of length 0 takes no part, not even if its state is NaN."""
    lengths = torch.full((len(call.x),), call.x.shape[1])
    lengths[0] = 0
    h0 = call.arrays["h0"].clone()
    h0[0] = float("nan")
    clean = with_arrays(call, lengths=lengths)
    ours, theirs = gradients(with_arrays(clean, h0=h0), backend), gradients(clean, backend)
    for name, gradient in ours.items():
        assert torch.equal(gradient, theirs[name]), name
