"""The native kernels as a torch function: memory, what is kept, what is wanted, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from draws import CELLS, NATIVE, Cell, choices_of, compute, make, with_arrays
from torch import Tensor

from recurra.errors import ShapeError
from recurra.ops import native
from recurra.ops.call import Call
from recurra.ops.native import Recipe
from recurra.spec.kernel import FAMILIES

pytestmark = pytest.mark.skipif(not NATIVE, reason="the native kernels were not built")


def plain(cell: Cell = ("gru", "after"), **more: Any) -> Call:
    family, reset = cell
    return make(family, choices_of(family, reset), **more)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_inputs_of_any_stride_are_taken(cell: Cell) -> None:
    """Transposed, every second one, one value for all: the same bits as laid out densely."""
    call = plain(cell, batch=4, steps=6, names=("zoneout_h",))
    wide = torch.randn(12, 8, 2, dtype=torch.float64)
    x = wide.transpose(0, 1)[::2, ::2]
    share = torch.rand(1, 1, 3, dtype=torch.float64).expand(4, 6, 3)
    weight = call.arrays["input_weight"].T.contiguous().T
    ours = with_arrays(call, x=x, zoneout_h=share, input_weight=weight)
    theirs = with_arrays(
        call, x=x.contiguous(), zoneout_h=share.contiguous(), input_weight=weight.contiguous()
    )
    assert all(map(torch.equal, compute(ours, "native"), compute(theirs, "native")))


def test_gradients_of_any_stride_are_taken() -> None:
    """The sum of an output hands back one value for all."""
    call = plain()
    weight = call.arrays["recurrent_weight"].requires_grad_()
    y, h = compute(call, "native")
    summed = torch.autograd.grad(y.sum() + h.sum(), weight, retain_graph=True)
    dense = torch.autograd.grad((y, h), weight, (torch.ones_like(y), torch.ones_like(h)))
    assert torch.equal(summed[0], dense[0])


def test_a_lazily_negated_tensor_is_negated() -> None:
    call = plain()
    lazy = torch.complex(torch.zeros_like(call.x), -call.x).conj().imag
    assert lazy.is_neg()
    ours = compute(with_arrays(call, x=lazy), "native")
    assert all(map(torch.equal, ours, compute(call, "native")))


def test_an_output_is_no_view_of_an_input() -> None:
    call = plain(steps=0)
    y, h = compute(call, "native")
    assert y.shape == (3, 0, 3)
    h += 1
    assert not torch.equal(h, call.arrays["h0"])


def test_an_input_changed_after_the_call_is_noticed() -> None:
    """Backward would use other values than forward did."""
    call = plain()
    weight = call.arrays["recurrent_weight"].requires_grad_()
    y, _ = compute(call, "native")
    with torch.no_grad():
        weight += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_graph_can_be_walked_twice() -> None:
    call = plain()
    weight = call.arrays["recurrent_weight"].requires_grad_()
    y, _ = compute(call, "native")
    first = torch.autograd.grad(y.sum(), weight, retain_graph=True)
    assert torch.equal(first[0], torch.autograd.grad(y.sum(), weight)[0])


@pytest.fixture
def recipes(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """Every recipe that reaches the kernels, in order."""
    seen: list[Recipe] = []

    def watched(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(recipe: Recipe, *args: Any) -> Any:
            seen.append(recipe)
            return function(recipe, *args)

        return call

    for name in ("forward", "backward"):
        monkeypatch.setattr(native, name, watched(getattr(native, name)))
    return seen


def test_nothing_is_kept_where_no_gradient_can_follow(recipes: list[Recipe]) -> None:
    call = plain()
    compute(call, "native")
    call.arrays["h0"].requires_grad_()
    with torch.no_grad():
        compute(call, "native")
    assert [recipe.keep for recipe in recipes] == [False, False]
    compute(call, "native")
    assert recipes[-1].keep


def test_only_the_wanted_gradients_are_given(recipes: list[Recipe]) -> None:
    call = plain(names=("input_bias", "recurrent_bias"))
    call.arrays["h0"].requires_grad_()
    call.arrays["recurrent_bias"].requires_grad_()
    y, _ = compute(call, "native")
    y.sum().backward()
    assert recipes[-1].wanted == ("h0", "recurrent_bias")
    assert call.arrays["x"].grad is None
    assert call.arrays["h0"].grad is not None


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("output", [0, 1, -1])
def test_an_output_without_a_gradient_counts_as_zero(cell: Cell, output: int) -> None:
    call = plain(cell)
    weight = call.arrays["input_weight"].requires_grad_()
    ours = torch.autograd.grad(compute(call, "native")[output].sum(), weight)
    theirs = torch.autograd.grad(compute(call, "reference")[output].sum(), weight)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-13)


def test_backward_and_forward_name_the_arrays_alike() -> None:
    """The positional interface that the registered operators share."""
    call = plain(names=("input_bias", "recurrent_bias"))
    arrays = tuple(call.arrays.values())
    recipe = Recipe("gru", call.choices, keep=True, wanted=tuple(FAMILIES["gru"])[:6])
    y, h, kept = native.forward(recipe, arrays)
    gradients = native.backward(recipe, kept, (torch.ones_like(y), None), arrays)
    shapes = [a.shape for a in arrays[:6] if a is not None]
    assert [g.shape for g in gradients] == shapes
    expected = compute(call, "reference")
    assert torch.allclose(y, expected[0])
    assert torch.allclose(h, expected[1])


def test_empty_has_the_shapes_of_forward() -> None:
    for cell in CELLS:
        call = plain(cell)
        recipe = Recipe(call.family, call.choices)
        ours = native.empty(call, keep=False)
        theirs = native.forward(recipe, tuple(call.arrays.values()))
        assert [t.shape for t in ours] == [t.shape for t in theirs]
        assert [t.dtype for t in ours] == [t.dtype for t in theirs]


def test_a_training_loop_changes_no_result_by_its_threads() -> None:
    """y and dx to the bit, whatever torch's thread count."""
    call = plain(batch=9, steps=6, hidden=17)
    x = call.x.requires_grad_()

    def both() -> tuple[Tensor, Tensor]:
        y, _ = compute(call, "native")
        return y.detach(), torch.autograd.grad(y.square().sum(), x)[0]

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = both()
        torch.set_num_threads(3)
        three = both()
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, one, three))


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_call_is_checked_once(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels' own checks are for other callers, and for what a transform passes."""
    call = plain(cell, names=("lengths",))
    weight = call.arrays["recurrent_weight"].requires_grad_()

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("checked again")

    monkeypatch.setattr("recurra.kernels.call.check_arrays", refuse)
    compute(call, "native")[0].sum().backward()
    assert weight.grad is not None
    with pytest.raises(AssertionError, match="checked again"):
        torch.func.vmap(lambda x: compute(with_arrays(call, x=x), "native"))(call.x[None])


def test_lengths_that_a_transform_hides_are_refused_by_the_kernels() -> None:
    call = plain(names=("lengths",))
    far = torch.full((1, 3), 6)
    with pytest.raises(ShapeError, match="lengths from 0 to T=5, got 6"):
        torch.func.vmap(lambda n: compute(with_arrays(call, lengths=n), "native"))(far)
