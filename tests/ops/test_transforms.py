"""A call knows what surrounds it, eagerly and in a traced graph, and breaks no graph by asking."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from recurra.ops.transforms import compiling, forward_mode, transformed


def told(x: Tensor) -> Tensor:
    """The three answers as digits: compiling 1, transformed 2, forward mode 4."""
    return x * 0 + (compiling() + 2 * transformed() + 4 * forward_mode())


def plain(x: Tensor) -> Tensor:
    return told(x)


def grad(x: Tensor) -> Tensor:
    return torch.func.grad(lambda a: told(a).detach() * a)(x)


def vmap(x: Tensor) -> Tensor:
    return torch.func.vmap(told)(x[None])[0]


def jvp(x: Tensor) -> Tensor:
    return torch.func.jvp(told, (x,), (x,))[0]


def dual(x: Tensor) -> Tensor:
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(told(forward_ad.make_dual(x, x))).primal


# torch's own tables for forward mode in a traced graph are made by what it deprecates itself.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize(
    ("function", "expected"), [(plain, 0), (grad, 2), (vmap, 2), (jvp, 6), (dual, 4)]
)
def test_answers_are_the_same_inside_a_graph(function, expected: int) -> None:
    x = torch.tensor(1.0)
    assert function(x) == expected
    torch.compiler.reset()
    assert torch.compile(function, fullgraph=True, backend="eager")(x) == expected + 1
    assert function(x) == expected
