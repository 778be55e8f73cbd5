"""Law: a segment that starts inside a row is a sequence of its own, from the initial state."""

from __future__ import annotations

import torch
from draws import CELLS, Cell, backends, calls, choices_of, compute, make, part, same, with_arrays
from hypothesis import given
from hypothesis import strategies as st

from recurra.ops.call import STATES, Call


def first_states(call: Call) -> dict[str, torch.Tensor]:
    return {
        f"{name}0": torch.zeros_like(call.arrays["h0"])
        if call.arrays[f"start_{name}"] is None
        else call.arrays[f"start_{name}"]
        for name in STATES[call.family]
    }


@given(calls(forms=("valid",), min_steps=2), backends(), st.integers(1, 7), st.booleans())
def test_a_start_equals_two_sequences(call: Call, backend: str, cut: int, own_start: bool) -> None:
    batch, steps, _ = call.x.shape
    cut = 1 + (cut - 1) % (steps - 1)
    if own_start:
        begin = {f"start_{n}": call.arrays[f"{n}0"].flip(1) + 1 for n in STATES[call.family]}
        call = with_arrays(call, **begin)
    starts = torch.zeros(batch, steps, dtype=torch.bool)
    starts[:, cut] = True
    y, *states = compute(with_arrays(call, starts=starts), backend)
    pieces = [part(call, 0, cut), part(call, cut, steps)]
    # The segment that does not begin with the passed state: the later one, backward the earlier.
    fresh = 0 if call.choices["reverse"] else 1
    pieces[fresh] = with_arrays(pieces[fresh], **first_states(call))
    results = [compute(piece, backend) for piece in pieces]
    whole = torch.cat([results[0][0], results[1][0]], 1)
    assert same([y, *states], [whole, *results[fresh][1:]], backend)


@given(calls(forms=("valid",), directions=(False,), min_steps=1, plain=True), backends())
def test_a_start_at_the_first_step_ignores_the_passed_state(call: Call, backend: str) -> None:
    starts = torch.zeros(call.x.shape[:2], dtype=torch.bool)
    starts[:, 0] = True
    call = with_arrays(call, starts=starts)
    passed = {f"{n}0": torch.full_like(call.arrays["h0"], torch.nan) for n in STATES[call.family]}
    ours = compute(with_arrays(call, **passed), backend)
    assert all(map(torch.equal, ours, compute(call, backend)))


@given(st.sampled_from(CELLS), backends(), st.booleans())
def test_a_start_acts_on_a_step_that_is_not_valid(cell: Cell, backend: str, reverse: bool) -> None:
    family, reset = cell
    names = [f"start_{name}" for name in STATES[family]]
    call = make(family, choices_of(family, reset, reverse=reverse), names=names)
    flags = {n: torch.zeros(call.x.shape[:2], dtype=torch.bool) for n in ("valid", "starts")}
    flags["starts"][:, 2] = True
    y, h, *_ = compute(with_arrays(call, **flags), backend)
    begun, held = (slice(0, 2), slice(2, None)) if reverse else (slice(2, None), slice(0, 2))
    assert torch.equal(y[:, begun], call.arrays["start_h"][:, None].expand_as(y[:, begun]))
    assert torch.equal(y[:, held], call.arrays["h0"][:, None].expand_as(y[:, held]))
    assert torch.equal(h, call.arrays["start_h"])
