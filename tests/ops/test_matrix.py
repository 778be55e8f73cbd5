"""The matrix of torch's ways to run and differentiate, cell by cell, for each family.

Each cell is compared with the reference in plain eager torch; none may be silently wrong.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from draws import (
    BACKENDS,
    NATIVE,
    choices_of,
    differentiable,
    distance,
    function_of,
    make,
    weight_of,
    with_arrays,
)
from torch import Tensor
from torch._dynamo.exc import Unsupported
from torch._dynamo.testing import CompileCounterWithBackend
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.utils._pytree import tree_leaves

from recurra.errors import BackendError
from recurra.ops.call import Call
from recurra.spec.kernel import FAMILIES

NAMES = (
    *("input_bias", "recurrent_bias", "lengths", "valid", "starts"),
    *("start_h", "start_c", "zoneout_h", "recurrent_dropout", "decay"),
)
# Every kind of step: padded, empty row, skipped, started, and plain. Few of them: a traced graph of
# the reference grows with each.
STEPS = {
    "lengths": torch.tensor([3, 2, 0, 3]),
    "valid": torch.tensor([[1, 0, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1]]).bool(),
    "starts": torch.tensor([[0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]]).bool(),
}
CASES = {
    family: with_arrays(
        make(family, choices_of(family, "before"), batch=4, steps=3, names=NAMES), **STEPS
    )
    for family in FAMILIES
}
LEAVES = {family: differentiable(case) for family, case in CASES.items()}
# Two ways of computing the same derivative in float64, sums of some hundred terms.
EQUAL = 1e-11

Function = Callable[..., tuple[Tensor, ...]]
families = pytest.mark.parametrize("family", FAMILIES)
backends = pytest.mark.parametrize("backend", [*BACKENDS, "auto"])
# torch makes its tables for forward mode, and parts of inductor, by what it deprecates itself.
pytestmark = pytest.mark.filterwarnings(r"ignore:`torch\.jit\.:DeprecationWarning")


def function(family: str, backend: str, *names: str) -> Function:
    """The family as a function of the named arrays alone (none named: of all that have one)."""
    names = names or tuple(LEAVES[family])

    def of(*arrays: Tensor) -> tuple[Tensor, ...]:
        call: Call = with_arrays(CASES[family], **dict(zip(names, arrays, strict=True)))
        return function_of(family)(**call.arrays, **call.choices, backend=backend)

    return of


def loss(family: str, backend: str, *names: str) -> Callable[..., Tensor]:
    of = function(family, backend, *names)
    return lambda *arrays: sum((k + 1.5) * (o**3).sum() for k, o in enumerate(of(*arrays)))


def leaves(family: str, *names: str) -> tuple[Tensor, ...]:
    chosen = names or tuple(LEAVES[family])
    return tuple(LEAVES[family][name].clone().requires_grad_() for name in chosen)


def agree(ours: Any, theirs: Any) -> bool:
    pairs = zip(tree_leaves(ours), tree_leaves(theirs), strict=True)
    return all(distance(a, b) <= EQUAL for a, b in pairs)


@families
@backends
def test_eager_forward_and_backward(family: str, backend: str) -> None:
    inputs = leaves(family)
    assert agree(function(family, backend)(*inputs), function(family, "reference")(*inputs))
    ours = torch.autograd.grad(loss(family, backend)(*inputs), inputs)
    assert agree(ours, torch.autograd.grad(loss(family, "reference")(*inputs), inputs))
    assert gradcheck(function(family, backend), inputs, fast_mode=True)


@families
@backends
def test_double_backward(family: str, backend: str) -> None:
    assert gradgradcheck(function(family, backend), leaves(family), fast_mode=True)


@families
@backends
def test_third_derivative(family: str, backend: str) -> None:
    last = "h0" if weight_of(family) == "input_weight" else "recurrent_weight"
    names = ("x", "input_weight", last)

    def third(backend: str) -> Tensor:
        x, w, u = leaves(family, *names)
        first = torch.autograd.grad(loss(family, backend, *names)(x, w, u), x, create_graph=True)
        second = torch.autograd.grad(first[0].pow(2).sum(), w, create_graph=True)
        return torch.autograd.grad(second[0].pow(2).sum(), u)[0]

    assert agree(third(backend), third("reference"))


FUNC: dict[str, Callable[[Callable[..., Tensor], Tensor, Tensor], Any]] = {
    "grad": lambda f, x, u: torch.func.grad(f, argnums=(0, 1))(x, u),
    "vmap over x": lambda f, x, u: torch.vmap(f, (0, None))(torch.stack([x, 2 * x]), u),
    "vmap over weights": lambda f, x, u: torch.vmap(f, (None, 1))(x, torch.stack([u, 2 * u], 1)),
    "vmap twice": lambda f, x, u: torch.vmap(torch.vmap(f, (0, None)), (0, None))(x[None, None], u),
    "gradients per sample": lambda f, x, u: torch.vmap(torch.func.grad(f, (0, 1)), (0, None))(
        torch.stack([x, 2 * x]), u
    ),
    "grad of vmap": lambda f, x, u: torch.func.grad(
        lambda w: torch.vmap(f, (0, None))(torch.stack([x, 2 * x]), w).sum()
    )(u),
    "jvp": lambda f, x, u: torch.func.jvp(f, (x, u), (x.cos(), u.sin())),
    "vmap of jvp": lambda f, x, u: torch.vmap(lambda t: torch.func.jvp(f, (x, u), (t, u.sin()))[1])(
        torch.stack([x, x.cos()])
    ),
    "jacfwd": lambda f, x, u: torch.func.jacfwd(f)(x, u),
    "jacrev": lambda f, x, u: torch.func.jacrev(f, 1)(x, u),
    "hessian": lambda f, x, u: torch.func.hessian(f)(x, u),
}


@families
@backends
@pytest.mark.parametrize("transform", FUNC)
def test_torch_func(family: str, backend: str, transform: str) -> None:
    x, u = (leaf.detach() for leaf in leaves(family, "x", weight_of(family)))
    ours, theirs = (
        FUNC[transform](loss(family, b, "x", weight_of(family)), x, u)
        for b in (backend, "reference")
    )
    assert agree(ours, theirs)


@families
@backends
@pytest.mark.parametrize("requires_grad", [False, True])
def test_forward_mode(family: str, backend: str, requires_grad: bool) -> None:
    """Never silently zero, whether or not something requires a gradient; also over backward."""

    def tangents(backend: str) -> list[Tensor | None]:
        x, u = (a.requires_grad_(requires_grad) for a in leaves(family, "x", weight_of(family)))
        with forward_ad.dual_level():
            x, u = forward_ad.make_dual(x, x.detach().cos()), forward_ad.make_dual(u, u.detach())
            outputs = [*function(family, backend, "x", weight_of(family))(x, u)]
            if requires_grad:
                outputs += torch.autograd.grad(sum((o**3).sum() for o in outputs), (x, u))
            return [forward_ad.unpack_dual(output).tangent for output in outputs]

    ours = tangents(backend)
    assert all(tangent is not None and tangent.any() for tangent in ours)
    assert agree(ours, tangents("reference"))


@families
@pytest.mark.parametrize("backend", BACKENDS)
def test_compile_without_a_graph_break(family: str, backend: str) -> None:
    check_compiled(family, backend, "aot_eager")


@families
@pytest.mark.skipif(not NATIVE, reason="the reference's loop is unrolled: T is part of its graph")
def test_one_graph_serves_every_batch_and_length(family: str) -> None:
    graphs = CompileCounterWithBackend("aot_eager")
    torch.compiler.reset()
    names = [name for name, field in FAMILIES[family].items() if not field.optional]

    def run(*arrays: Tensor) -> Tensor:
        given = dict(zip(names, arrays, strict=True))
        return function_of(family)(**given, backend="native")[0].square().sum()

    compiled = torch.compile(run, fullgraph=True, backend=graphs, dynamic=True)
    # No two sizes of the first call are equal: torch would take them for one.
    for batch, steps in ((4, 5), (5, 7), (8, 2)):
        case = make(family, choices_of(family, "after"), batch=batch, steps=steps)
        inputs = [case.arrays[name].requires_grad_() for name in names]
        ours, theirs = (torch.autograd.grad(f(*inputs), inputs) for f in (compiled, run))
        assert agree(ours, theirs)
    assert graphs.frame_count == 1


@pytest.mark.deep
@families
@pytest.mark.parametrize("backend", BACKENDS)
def test_compile_with_inductor(family: str, backend: str) -> None:
    check_compiled(family, backend, "inductor")


def check_compiled(family: str, backend: str, compiler: str) -> None:
    torch.compiler.reset()
    inputs = leaves(family)
    eager = loss(family, backend)
    compiled = torch.compile(eager, fullgraph=True, backend=compiler)
    ours, theirs = compiled(*inputs), eager(*inputs)
    assert agree(ours, theirs)
    assert agree(torch.autograd.grad(ours, inputs), torch.autograd.grad(theirs, inputs))
    with torch.no_grad():
        assert agree(compiled(*inputs), eager(*inputs))


INSIDE = ("gradients per sample", "jvp")


@families
@pytest.mark.parametrize("transform", INSIDE)
def test_torch_func_inside_compile(family: str, transform: str) -> None:
    """Given to the reference by "auto"."""
    torch.compiler.reset()
    x, u = (leaf.detach() for leaf in leaves(family, "x", weight_of(family)))

    def run(x: Tensor, u: Tensor) -> Any:
        return FUNC[transform](loss(family, "auto", "x", weight_of(family)), x, u)

    assert agree(torch.compile(run, fullgraph=True, backend="aot_eager")(x, u), run(x, u))


@families
@pytest.mark.skipif(not NATIVE, reason="the native kernels were not built")
@pytest.mark.parametrize("transform", INSIDE)
def test_native_inside_compile_refuses_torch_func(family: str, transform: str) -> None:
    torch.compiler.reset()
    x, u = (leaf.detach() for leaf in leaves(family, "x", weight_of(family)))

    def run(x: Tensor, u: Tensor) -> Any:
        return FUNC[transform](loss(family, "native", "x", weight_of(family)), x, u)

    with pytest.raises((BackendError, Unsupported), match=r"torch\.func"):
        torch.compile(run, fullgraph=True, backend="aot_eager")(x, u)


@families
@pytest.mark.parametrize("backend", BACKENDS)
def test_forward_mode_inside_compile(family: str, backend: str) -> None:
    """Right, or refused: never silently zero."""
    torch.compiler.reset()
    x, u = (leaf.detach() for leaf in leaves(family, "x", weight_of(family)))

    def run(x: Tensor, u: Tensor) -> Tensor:
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(x, x.cos())
            y, *_ = function(family, backend, "x", weight_of(family))(dual, u)
            return forward_ad.unpack_dual(y).tangent

    compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
    if backend == "native":
        with pytest.raises((BackendError, Unsupported), match="forward mode"):
            compiled(x, u)
    else:
        assert agree(compiled(x, u), run(x, u))


@families
def test_double_backward_of_a_compiled_call_is_refused(family: str) -> None:
    """By torch, with an error of its own: a compiled graph has the first derivative only."""
    torch.compiler.reset()
    inputs = leaves(family, "x", weight_of(family))
    of = loss(family, "auto", "x", weight_of(family))
    compiled = torch.compile(of, fullgraph=True, backend="aot_eager")(*inputs)

    def second() -> None:
        first = torch.autograd.grad(compiled, inputs, create_graph=True)
        sum(gradient.sum() for gradient in first).backward()

    with pytest.raises(RuntimeError, match=r"create_graph|double backward"):
        second()


@families
@backends
def test_results_can_be_copied(family: str, backend: str) -> None:
    """Outputs without history are plain tensors: deepcopy and clone share nothing with them."""
    with torch.no_grad():
        outputs = function(family, backend)(*leaves(family))
    copies = copy.deepcopy(outputs)
    assert agree(copies, outputs)
    copies[0].zero_()
    assert outputs[0].any()
