"""`pull` is J^T u and `push` is J v, of the reference and of any other function."""

from __future__ import annotations

import torch
from draws import choices_of, compute, make
from torch import Tensor
from torch.autograd import forward_ad

from recurra.ops import derivatives
from recurra.spec.kernel import FAMILIES

POINT = (torch.tensor([0.3, -0.7], dtype=torch.float64), torch.tensor([1.1], dtype=torch.float64))


def function(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return (a * b).sin(), (a.sum() ** 2 * b).reshape(1)


def jacobian() -> Tensor:
    """[outputs, inputs], by torch's own means."""
    whole = torch.autograd.functional.jacobian(lambda a, b: torch.cat(function(a, b)), POINT)
    return torch.cat(whole, 1)


def test_pull_is_the_transposed_jacobian() -> None:
    u = torch.tensor([0.5, -1.0], dtype=torch.float64)
    found = torch.cat(derivatives.pull(function, POINT, (u, None)))
    torch.testing.assert_close(found, jacobian()[:2].T @ u)


def test_push_is_the_jacobian() -> None:
    v = torch.tensor([2.0], dtype=torch.float64)
    found = torch.cat(derivatives.push(function, POINT, (None, v)))
    torch.testing.assert_close(found, jacobian()[:, 2:] @ v)


def test_push_works_inside_a_dual_level() -> None:
    """Where torch itself would refuse a second level."""
    v = torch.tensor([2.0], dtype=torch.float64)
    outside = derivatives.push(function, POINT, (None, v))
    with forward_ad.dual_level():
        inside = derivatives.push(function, POINT, (None, v))
    assert all(map(torch.equal, inside, outside))


def test_pull_can_be_differentiated() -> None:
    a, b = (p.clone().requires_grad_() for p in POINT)
    pulled = derivatives.pull(function, (a, b), (torch.ones_like(a), None))
    (second,) = torch.autograd.grad(pulled[0].sum(), a)
    torch.testing.assert_close(second, -(b.detach() ** 2) * (a.detach() * b.detach()).sin())


def test_forward_is_the_reference() -> None:
    for family in FAMILIES:
        call = make(family, choices_of(family, "after"))
        ours, theirs = derivatives.forward(call), compute(call, "reference")
        assert all(map(torch.equal, ours, theirs))
