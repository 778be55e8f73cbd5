"""The registered operators keep torch's rules for operators, and name what the descriptor names."""

from __future__ import annotations

import pytest
import torch
from draws import CELLS, NATIVE, Cell, choices_of, compute, make, weight_of

from recurra.ops import registered
from recurra.ops.call import STATES, Call
from recurra.spec.kernel import FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
def test_the_schema_names_every_field_in_its_order(family: str) -> None:
    schema = getattr(torch.ops.recurra, family).default._schema
    names = [argument.name for argument in schema.arguments]
    assert names[: len(FAMILIES[family])] == list(FAMILIES[family])
    assert names[-3:] == ["reverse", "products", "keep"]
    assert len(schema.returns) == 2 + len(STATES[family])
    for argument, field in zip(schema.arguments, FAMILIES[family].values(), strict=False):
        assert str(argument.type) == ("Optional[Tensor]" if field.optional else "Tensor")


def arguments(call: Call, keep: bool) -> tuple[object, ...]:
    words = [call.choices[name] for name in registered.CHOICES[call.family]]
    return *call.arrays.values(), *words, call.products, keep


@pytest.mark.skipif(not NATIVE, reason="the native kernels were not built")
@pytest.mark.parametrize("names", ["plain", "all"])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_torch_finds_nothing_wrong(cell: Cell, names: str) -> None:
    """opcheck: the schema, the fake implementation, the gradient, dynamic shapes."""
    family, reset = cell
    optional = [n for n, f in FAMILIES[family].items() if f.optional] if names == "all" else ()
    call = make(family, choices_of(family, reset), names=optional)
    for name, field in FAMILIES[family].items():
        if call.arrays[name] is not None and field.differentiable:
            call.arrays[name].requires_grad_()
    found = torch.library.opcheck(registered.OPERATORS[family].forward, arguments(call, keep=True))
    assert set(found.values()) == {"SUCCESS"}


@pytest.mark.skipif(not NATIVE, reason="the native kernels were not built")
@pytest.mark.parametrize("names", ["plain", "all"])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_torch_finds_nothing_wrong_with_backward(cell: Cell, names: str) -> None:
    """The gradient of every array there is, and none where a cotangent is missing."""
    family, reset = cell
    optional = [n for n, f in FAMILIES[family].items() if f.optional] if names == "all" else ()
    call = make(family, choices_of(family, reset), names=optional)
    pair = registered.OPERATORS[family]
    *outputs, kept = pair.forward(*arguments(call, keep=True))
    words = arguments(call, keep=True)[:-1]
    fields = FAMILIES[family].items()
    wanted = [n for n, f in fields if f.differentiable and call.arrays[n] is not None]
    for cotangents in (outputs, [outputs[0], *[None] * (len(outputs) - 1)]):
        found = torch.library.opcheck(pair.backward, (kept, *cotangents, *words, wanted))
        assert set(found.values()) == {"SUCCESS"}


@pytest.mark.skipif(not NATIVE, reason="the native kernels were not built")
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_the_operator_gives_the_bits_of_the_eager_call(cell: Cell) -> None:
    family, reset = cell
    call = make(family, choices_of(family, reset), names=("lengths", "starts"))
    weight = call.arrays[weight_of(family)].requires_grad_()
    ours, theirs = registered.run(call), compute(call, "native")
    assert all(map(torch.equal, ours, theirs))
    gradients = [torch.autograd.grad(out[0].sum() + out[1].sum(), weight) for out in (ours, theirs)]
    assert torch.equal(gradients[0][0], gradients[1][0])
