"""Law: one step at a time gives what the whole sequence gives."""

from __future__ import annotations

import torch
from draws import backends, calls, compute, same, with_arrays
from hypothesis import given

from recurra.ops.call import STATES, Call
from recurra.spec.kernel import FAMILIES


@given(calls(directions=(False,), min_steps=1), backends())
def test_steps_equal_the_whole(call: Call, backend: str) -> None:
    along_time = [n for n, field in FAMILIES[call.family].items() if "T" in field.axes]
    states = {f"{name}0": call.arrays[f"{name}0"] for name in STATES[call.family]}
    outputs = []
    for t in range(call.x.shape[1]):
        now = {n: call.arrays[n][:, t : t + 1] for n in along_time if call.arrays[n] is not None}
        if call.arrays["lengths"] is not None:
            now["lengths"] = (call.arrays["lengths"] - t).clamp(0, 1)
        y, *new = compute(with_arrays(call, **now, **states), backend)
        states = dict(zip(states, new, strict=True))
        outputs.append(y)
    whole = compute(call, backend)
    assert same([torch.cat(outputs, 1), *states.values()], whole, backend)
