"""The public functions: one signature for each family, everywhere; `why` takes the same."""

from __future__ import annotations

import inspect
from typing import get_args

import pytest
import torch
from draws import BACKENDS, CELLS, KINDS, Cell, calls, choices_of, function_of, make
from hypothesis import given

from recurra import ops
from recurra.errors import BackendError, ShapeError, SpecError
from recurra.kernels.checked import PRODUCTS
from recurra.ops import choice, derivatives, native, recurrence, reference, registered
from recurra.ops.call import STATES, Call
from recurra.spec.cells import CELLS as CELL_TYPES
from recurra.spec.kernel import FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
def test_the_reference_has_the_same_signature(family: str) -> None:
    public = dict(inspect.signature(function_of(family)).parameters)
    assert public.pop("backend").default == "auto"
    assert public.pop("products").default == "auto"
    inner = dict(inspect.signature(getattr(reference, KINDS[family])).parameters)
    assert list(public) == list(inner)
    for name, parameter in public.items():
        assert (parameter.kind, parameter.default) == (inner[name].kind, inner[name].default), name


@pytest.mark.parametrize("family", FAMILIES)
def test_every_field_of_the_descriptor_is_an_argument(family: str) -> None:
    arguments = set(inspect.signature(function_of(family)).parameters)
    words = {"reset", "activation", "gate_activation", "reverse", "backend", "products"}
    assert arguments - words == set(FAMILIES[family])


def test_the_products_that_can_be_named_are_those_that_there_are() -> None:
    assert get_args(recurrence.Products) == ("auto", *PRODUCTS)


def test_the_backends_that_can_be_named_are_those_that_there_are() -> None:
    assert get_args(recurrence.Backend) == ("auto", *choice.BACKENDS)


@given(calls())
def test_outputs_and_states_have_their_shapes(call: Call) -> None:
    y, *states = function_of(call.family)(**call.arrays, **call.choices)
    batch, steps, _ = call.x.shape
    hidden = call.arrays["h0"].shape[1]
    assert y.shape == (batch, steps, hidden)
    assert [state.shape for state in states] == [(batch, hidden)] * len(STATES[call.family])
    assert {y.dtype, *(state.dtype for state in states)} == {call.x.dtype}


@pytest.mark.parametrize("backend", [*BACKENDS, "auto"])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_arrays_may_be_given_by_position(cell: Cell, backend: str) -> None:
    family, reset = cell
    call = make(family, choices_of(family, reset), names=("input_bias", "recurrent_bias"))
    positional = [a for a in call.arrays.values() if a is not None]
    function = function_of(family)
    ours = function(*positional, **call.choices, backend=backend)
    theirs = function(**call.arrays, **call.choices, backend=backend)
    assert all(map(torch.equal, ours, theirs))


@pytest.mark.parametrize("family", FAMILIES)
def test_why_tells_what_the_function_would_do(family: str) -> None:
    call = make(family, choices_of(family, "after"), names=("valid",))
    chosen = ops.why(KINDS[family], **call.arrays, **call.choices)
    assert chosen.backend == BACKENDS[0]
    expected = "torch has no minGRU" if family == "scan" else "takes no valid"
    assert expected in chosen.reasons["torch"]
    assert str(chosen).startswith(f"{BACKENDS[0]}; ")
    named = ops.why(KINDS[family], **call.arrays, **call.choices, backend="reference")
    assert named.backend == "reference"


def test_why_refuses_what_the_function_refuses() -> None:
    call = make("gru", choices_of("gru", "before"))
    with pytest.raises(BackendError, match="reset='before'"):
        ops.why("gru", **call.arrays, **call.choices, backend="torch")
    with pytest.raises(ShapeError, match=r"h0 \[B, H\]"):
        ops.why("gru", **{**call.arrays, "h0": call.x})
    with pytest.raises(SpecError, match="one of gru, lstm, rnn, mingru; got 'scan'"):
        ops.why("scan", call.x)


def test_every_cell_has_its_function_and_its_family() -> None:
    """A cell that is left out of a table of families or of the public functions fails here."""
    assert {cell.family for cell in CELL_TYPES.values()} == set(FAMILIES) == set(STATES)
    assert set(ops.__all__) == {*CELL_TYPES, "Backend", "Choice", "Products", "why"}
    assert set(reference.__all__) == set(CELL_TYPES)
    for table in (registered.CHOICES, registered.OPERATORS, native.FACES, derivatives.FUNCTIONS):
        assert set(table) == set(FAMILIES)
