"""A call is checked before any kernel sees it, and each refusal says what was expected."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from draws import CELLS, Cell, choices_of, make, with_arrays

from recurra.errors import BackendError, DTypeError, ShapeError, SpecError
from recurra.ops.call import STATES, Call
from recurra.spec.cells import LSTMCell
from recurra.spec.kernel import FAMILIES

ALL = ("input_bias", "recurrent_bias", "lengths", "valid", "starts", "start_h", "zoneout_h")

META = torch.zeros(3, 3, dtype=torch.float64, device="meta")


def gru(**arrays: object) -> Call:
    return with_arrays(make("gru", choices_of("gru", "after"), names=ALL), **arrays)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_right_call_passes(cell: Cell) -> None:
    family, reset = cell
    optional = [name for name, field in FAMILIES[family].items() if field.optional]
    for dtype in (torch.float32, torch.float64):
        make(family, choices_of(family, reset), names=optional, dtype=dtype).check()


def test_states_are_those_of_the_cells() -> None:
    assert STATES["lstm"] == LSTMCell.state_fields == ("h", "c")


@pytest.mark.parametrize(
    ("name", "array", "error", "message"),
    [
        ("x", torch.zeros(3, 5), ShapeError, r"x \[B, T, I\] with 3 axes, got \[3, 5\]"),
        ("h0", torch.zeros(4, 3).double(), ShapeError, r"h0 \[B, H\] with B=3 as x says"),
        ("input_weight", None, ShapeError, r"gru needs input_weight \[GH, I\], got none"),
        ("valid", torch.ones(3, 4).bool(), ShapeError, r"valid \[B, T\] with T=5 as x says"),
        ("h0", torch.zeros(3, 3), DTypeError, "h0 in float64 as x is, got float32"),
        ("valid", torch.ones(3, 5), DTypeError, "valid in bool, got float32"),
        ("lengths", torch.ones(3).int(), DTypeError, "lengths in int64, got int32"),
        ("x", torch.zeros(3, 5, 2).half(), DTypeError, "x in float32 or float64, got float16"),
        ("start_h", np.zeros((3, 3)), DTypeError, "start_h as a torch tensor, got ndarray"),
        ("lengths", torch.tensor([0, 6, 1]), ShapeError, "between 0 and T=5, got 6"),
        ("lengths", torch.tensor([0, -1, 1]), ShapeError, "between 0 and T=5, got -1"),
        ("start_h", META, BackendError, "start_h on cpu as x is, got meta"),
    ],
)
def test_what_does_not_fit_is_refused(
    name: str, array: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        gru(**{name: array}).check()


@pytest.mark.parametrize("name", ["reset", "activation", "gate_activation"])
def test_an_unknown_word_is_refused(name: str) -> None:
    call = gru()
    with pytest.raises(SpecError, match=f"{name} must be one of .*; got 'sometimes'"):
        Call("gru", call.arrays, {**call.choices, name: "sometimes"}).check()


def test_the_words_decide_how_many_gates_there_are() -> None:
    three = gru()
    with pytest.raises(ShapeError, match="input_weight"):
        Call("gru", three.arrays, {**three.choices, "reset": "none"}).check()


def test_of_parts_arrays_from_choices() -> None:
    call = gru()
    again = Call.of("gru", {**call.choices, **call.arrays})
    assert again == call
    assert list(again.arrays) == list(FAMILIES["gru"])


def test_widened_takes_halves_to_the_dtype_of_the_weights() -> None:
    call = gru()
    narrow = with_arrays(call, x=call.x.bfloat16(), h0=call.arrays["h0"].half())
    wide = narrow.widened()
    assert wide.x.dtype == wide.arrays["h0"].dtype == torch.float64
    assert wide.arrays["lengths"] is call.arrays["lengths"]
    assert torch.equal(wide.x, narrow.x.double())


def test_what_passed_once_does_not_pass_in_another_shape_or_dtype() -> None:
    """What is remembered of a call is all that the check looks at."""
    call = gru()
    call.check()
    with pytest.raises(ShapeError, match="h0"):
        gru(h0=torch.zeros(3, 4).double()).check()
    with pytest.raises(DTypeError, match="h0"):
        gru(h0=torch.zeros(3, 3)).check()
    with pytest.raises(BackendError, match="h0 on cpu"):
        gru(h0=META).check()
    with pytest.raises(ShapeError, match="needs h0"):
        gru(h0=None).check()
    call.check()


def test_a_word_that_is_none_is_refused_by_its_sentence() -> None:
    call = gru()
    with pytest.raises(SpecError, match=r"activation must be one of .*; got \['tanh'\]"):
        Call("gru", call.arrays, {**call.choices, "activation": ["tanh"]}).check()
