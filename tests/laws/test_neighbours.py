"""Law: a row does not know its neighbours; NaN at a valid step stays in its own row."""

from __future__ import annotations

import torch
from draws import backends, calls, compute, same, with_arrays
from hypothesis import given
from hypothesis import strategies as st

from recurra.ops.call import Call
from recurra.spec.kernel import FAMILIES


def rows(call: Call, chosen: list[int]) -> Call:
    """Some rows of the call."""
    batched = {
        name: call.arrays[name][chosen]
        for name, field in FAMILIES[call.family].items()
        if field.axes[0] == "B" and call.arrays[name] is not None
    }
    return with_arrays(call, **batched)


@given(calls(), backends(), st.data())
def test_a_row_alone_equals_the_row_among_others(
    call: Call, backend: str, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(call.x))))
    chosen = list(order[: data.draw(st.integers(1, len(order)))])
    expected = [output[chosen] for output in compute(call, backend)]
    assert same(compute(rows(call, chosen), backend), expected, backend)


@given(calls(min_steps=1), backends(), st.integers(0, 7))
def test_nan_stays_in_its_row(call: Call, backend: str, step: int) -> None:
    x = call.x.clone()
    x[0, step % x.shape[1]] = float("nan")
    spoilt = compute(with_arrays(call, x=x), backend)
    for ours, clean in zip(spoilt, compute(call, backend), strict=True):
        assert torch.equal(ours[1:], clean[1:])


@given(calls(forms=(), min_steps=1, plain=True), backends())
def test_nan_at_a_valid_step_is_not_hidden(call: Call, backend: str) -> None:
    x = call.x.clone()
    t = -1 if call.choices["reverse"] else 0
    x[0, t] = float("nan")
    y, h, *_ = compute(with_arrays(call, x=x), backend)
    assert y[0].isnan().all()
    assert h[0].isnan().all()
