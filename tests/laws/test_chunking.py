"""Law: a sequence cut in two, the state handed over, gives what the whole sequence gives."""

from __future__ import annotations

import torch
from draws import backends, calls, compute, part, same, with_arrays
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from recurra.ops.call import STATES, Call


def handed_over(call: Call, states: tuple[Tensor, ...], cut: int) -> dict[str, Tensor]:
    """The states as the other part takes them up.

    Backward, a segment that starts at the cut ends the one before it: that start lies in the later
    part, but acts on the first step of the earlier one.
    """
    names = STATES[call.family]
    starts, lengths = call.arrays["starts"], call.arrays["lengths"]
    steps = call.x.shape[1]
    if call.choices["reverse"] and starts is not None and 0 < cut < steps:
        begins = starts[:, cut] if lengths is None else starts[:, cut] & (lengths > cut)
        firsts = [call.arrays[f"start_{name}"] for name in names]
        states = tuple(
            torch.where(begins[:, None], 0.0 if first is None else first, state)
            for first, state in zip(firsts, states, strict=True)
        )
    return {f"{name}0": state for name, state in zip(names, states, strict=True)}


@given(calls(min_steps=1), backends(), st.floats(0, 1))
def test_two_chunks_equal_the_whole(call: Call, backend: str, where: float) -> None:
    steps = call.x.shape[1]
    cut = round(where * steps)
    parts = [part(call, 0, cut), part(call, cut, steps)]
    order = (1, 0) if call.choices["reverse"] else (0, 1)
    y0, *states = compute(parts[order[0]], backend)
    second = with_arrays(parts[order[1]], **handed_over(call, tuple(states), cut))
    y1, *states = compute(second, backend)
    pieces = (y1, y0) if call.choices["reverse"] else (y0, y1)
    assert same([torch.cat(pieces, 1), *states], compute(call, backend), backend)
