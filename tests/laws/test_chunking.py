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


def in_chunks(call: Call, backend: str, cut: int) -> list[Tensor]:
    """Outputs and final states, computed in two chunks."""
    steps = call.x.shape[1]
    parts = [part(call, 0, cut), part(call, cut, steps)]
    order = (1, 0) if call.choices["reverse"] else (0, 1)
    y0, *states = compute(parts[order[0]], backend)
    second = with_arrays(parts[order[1]], **handed_over(call, tuple(states), cut))
    y1, *states = compute(second, backend)
    pieces = (y1, y0) if call.choices["reverse"] else (y0, y1)
    return [torch.cat(pieces, 1), *states]


@given(calls(min_steps=1), backends(), st.floats(0, 1))
def test_two_chunks_equal_the_whole(call: Call, backend: str, where: float) -> None:
    cut = round(where * call.x.shape[1])
    assert same(in_chunks(call, backend, cut), compute(call, backend), backend)


@given(calls(min_steps=1), backends(), st.floats(0, 1))
def test_so_do_the_gradients_of_inputs_and_initial_states(
    call: Call, backend: str, where: float
) -> None:
    names = ("x", *(f"{state}0" for state in STATES[call.family]))
    leaves = {name: call.needed(name).requires_grad_() for name in names}
    generator = torch.Generator().manual_seed(0)
    chunks = in_chunks(call, backend, round(where * call.x.shape[1]))
    cotangents = [
        torch.randn(o.shape, generator=generator, dtype=torch.float64).to(o.dtype) for o in chunks
    ]
    ours, theirs = (
        torch.autograd.grad(
            outputs, list(leaves.values()), cotangents, allow_unused=True, materialize_grads=True
        )
        for outputs in (chunks, compute(call, backend))
    )
    assert same(ours, theirs, backend)
