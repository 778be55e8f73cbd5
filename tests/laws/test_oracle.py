"""Law: every backend gives the reference's values and gradients, d(final state) included."""

from __future__ import annotations

import pytest
import torch
from draws import CELLS, NATIVE, TOLERANCE, Cell, calls, choices_of, disagreement, make
from hypothesis import given
from hypothesis import strategies as st

from recurra.ops.call import Call
from recurra.spec.cells import ACTIVATIONS

DTYPES = (torch.float32, torch.float64)
FUSED: tuple[Cell, ...] = (("gru", "after"), ("rnn", None))


def check(call: Call, backend: str) -> None:
    allowed = TOLERANCE[call.x.dtype]
    far = {name: d for name, d in disagreement(call, backend).items() if not d <= allowed}
    assert not far


@pytest.mark.skipif(not NATIVE, reason="the native kernels were not built")
@pytest.mark.parametrize("cell", CELLS, ids=str)
@given(st.data())
def test_native_equals_the_reference(cell: Cell, data: st.DataObject) -> None:
    check(data.draw(calls(cells=(cell,))), "native")


@pytest.mark.skipif(not NATIVE, reason="the native kernels were not built")
@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_native_knows_every_activation(cell: Cell, name: str) -> None:
    family, reset = cell
    words = {"activation": name} | ({"gate_activation": name} if family != "rnn" else {})
    for dtype in DTYPES:
        check(make(family, choices_of(family, reset, **words), dtype=dtype), "native")


@pytest.mark.parametrize("cell", FUSED, ids=str)
@given(st.data())
def test_torch_equals_the_reference(cell: Cell, data: st.DataObject) -> None:
    """Both directions, with and without lengths."""
    call = data.draw(calls(cells=(cell,), forms=("lengths",), plain=True, min_steps=1))
    check(call, "torch")


@given(calls(cells=(("lstm", None),), forms=(), plain=True, min_steps=1))
def test_torch_lstm_equals_the_reference(call: Call) -> None:
    check(call, "torch")


@given(calls(dtypes=(torch.float32,)))
def test_the_reference_in_float32_is_near_itself_in_float64(call: Call) -> None:
    check(call, "reference")
