"""Hypothesis strategies for the laws: cells, choices, shapes, padding forms, dtypes, backends.

A drawn case is a `Call` (what `recurra.ops` makes of its arguments). `compute` runs it on a
backend, `gradients` differentiates it, `disagreement` measures both against the oracle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from hypothesis import strategies as st
from torch import Tensor

from recurra import kernels, ops
from recurra.ops.call import STATES, Call
from recurra.spec import cells as spec
from recurra.spec.cells import ACTIVATIONS, RESETS
from recurra.spec.kernel import FAMILIES

NATIVE = kernels.backend() == "native"
BACKENDS = ("native", "reference") if NATIVE else ("reference",)
Cell = tuple[str, str | None]
CELLS: tuple[Cell, ...] = (
    *(("gru", reset) for reset in RESETS),
    *((cell.family, None) for kind, cell in spec.CELLS.items() if kind != "gru"),
)
# The public function of each family has the name of its cell.
KINDS = {cell.family: kind for kind, cell in spec.CELLS.items()}
GATES: dict[Cell, tuple[str, ...]] = {
    ("gru", "after"): ("reset", "update", "candidate"),
    ("gru", "before"): ("reset", "update", "candidate"),
    ("gru", "none"): ("update", "candidate"),
    ("lstm", None): ("input", "forget", "cell", "output"),
    ("rnn", None): ("candidate",),
    ("scan", None): ("update", "candidate"),
}
FORMS = ("lengths", "valid", "starts")
# A gate outside 0..1 makes the state grow at every step, and every rounding with it: such gates are
# compared on fixed cases (test_oracle.py), not on drawn ones.
DRAWN = {"activation": ACTIVATIONS, "gate_activation": ("sigmoid", "hard_sigmoid")}

# Distance allowed to the reference in float64. Measured over 2,685 drawn cases: in float32 values
# 4.5e-7 and gradients 2.0e-6 (the kernels' own tanh and sigmoid are off by 3e-7), in float64
# 1.1e-15 and 2.1e-15. Five and fifty times the worst; a swapped gate does a hundred times more.
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-13}


def choices_of(family: str, reset: str | None, **more: object) -> dict[str, object]:
    """The choices of a plain cell, with `more` put in."""
    activation = "identity" if family == "scan" else "tanh"
    choices: dict[str, object] = {"activation": activation, "reverse": False}
    if family != "rnn":
        choices["gate_activation"] = "sigmoid"
    if family == "gru":
        choices["reset"] = reset
    return choices | more


def gates_of(call: Call) -> tuple[str, ...]:
    """The gates in the order in which the weights stack them."""
    return GATES[call.family, call.choices.get("reset")]


def make(
    family: str,
    choices: dict[str, object],
    *,
    batch: int = 3,
    steps: int = 5,
    inputs: int = 2,
    hidden: int = 3,
    names: Sequence[str] = (),
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
) -> Call:
    """A call with random arrays: the needed ones, and those of the optional that are named."""
    generator = torch.Generator().manual_seed(seed)
    call = Call(family, dict.fromkeys(FAMILIES[family]), choices)
    sizes = {"B": batch, "T": steps, "I": inputs, "H": hidden, "GH": len(gates_of(call)) * hidden}

    def array(name: str) -> Tensor | None:
        field = FAMILIES[family][name]
        if field.optional and name not in names:
            return None
        shape = [sizes[axis] for axis in field.axes]
        # Always drawn in float64, so that both dtypes see the same case.
        uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
        normal = torch.randn(shape, generator=generator, dtype=torch.float64)
        if name == "lengths":
            # Each extreme is drawn often: an empty row and a full one.
            return (uniform * 1.6 * (steps + 1) - 0.3 * (steps + 1)).clamp(0, steps).long()
        if name == "valid":
            return uniform < 0.7
        if name == "starts":
            return uniform < 0.3
        if name == "recurrent_dropout":
            return ((uniform < 0.7) / 0.7).to(dtype)
        if name.startswith(("zoneout", "decay")):
            return uniform.to(dtype)
        if name.endswith("_weight"):
            # Small enough that nothing grows over time, whatever the activation.
            return (normal * 0.7 / shape[1] ** 0.5).to(dtype)
        return normal.to(dtype)

    return replace(call, arrays={name: array(name) for name in FAMILIES[family]})


@st.composite
def calls(
    draw: st.DrawFn,
    *,
    cells: Sequence[Cell] = CELLS,
    forms: Sequence[str] = FORMS,
    directions: Sequence[bool] = (False, True),
    plain: bool = False,
    min_steps: int = 0,
    dtypes: Sequence[torch.dtype] = (torch.float32, torch.float64),
) -> Call:
    """Any cell, padding form, direction, options, shape and dtype.

    Args:
        plain: Without zoneout, recurrent dropout, decay and other activations.
    """
    family, reset = draw(st.sampled_from(cells))
    choices = choices_of(family, reset, reverse=draw(st.sampled_from(directions)))
    names = [name for name in forms if draw(st.booleans())]
    if "starts" in names and draw(st.booleans()):
        names += [f"start_{state}" for state in STATES[family]]
    names += [name for name in ("input_bias", "recurrent_bias") if draw(st.integers(0, 3))]
    if not plain:
        noise = [n for n, field in FAMILIES[family].items() if "H" in field.axes[2:]]
        names += [name for name in noise if not draw(st.integers(0, 3))]
        for name in sorted(set(choices) & set(DRAWN)):
            if not draw(st.integers(0, 3)):
                choices[name] = draw(st.sampled_from(DRAWN[name]))
    return make(
        family,
        choices,
        # The kernels work in blocks of rows and panels of units: both sides of their edges.
        batch=draw(st.sampled_from((1, 2, 3, 9))),
        steps=draw(st.integers(min_steps, 8)),
        inputs=draw(st.sampled_from((1, 2, 5))),
        hidden=draw(st.sampled_from((1, 3, 8, 17))),
        names=names,
        dtype=draw(st.sampled_from(dtypes)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def backends() -> st.SearchStrategy[str]:
    """The backends that take every case here."""
    return st.sampled_from(BACKENDS)


def function_of(family: str) -> Callable[..., tuple[Tensor, ...]]:
    """The public function of `recurra.ops`."""
    function: Callable[..., tuple[Tensor, ...]] = getattr(ops, KINDS[family])
    return function


def weight_of(family: str) -> str:
    """A weight that the family's every step takes part in."""
    return "recurrent_weight" if "recurrent_weight" in FAMILIES[family] else "input_weight"


def compute(call: Call, backend: str) -> tuple[Tensor, ...]:
    """Outputs and final states."""
    outputs: tuple[Tensor, ...] = function_of(call.family)(
        **call.arrays, **call.choices, backend=backend, products=call.products
    )
    return outputs


def with_arrays(call: Call, **arrays: Tensor | None) -> Call:
    """The call with some arrays replaced."""
    return replace(call, arrays={**call.arrays, **arrays})


def wide(call: Call) -> Call:
    """The same case in float64."""
    return with_arrays(
        call,
        **{
            n: a.double() for n, a in call.arrays.items() if a is not None and a.is_floating_point()
        },
    )


def differentiable(call: Call) -> dict[str, Tensor]:
    """The arrays that are there and have a gradient in every backend."""
    return {
        name: call.arrays[name]
        for name, field in FAMILIES[call.family].items()
        if field.differentiable and call.arrays[name] is not None
    }


def gradients(
    call: Call, backend: str, change: Callable[[Call], Call] = lambda call: call
) -> dict[str, Tensor]:
    """The gradient of every differentiable array, for random d(outputs) and d(final states).

    Args:
        change: Applied to the call between the arrays and the backend: a planted mistake.
    """
    leaves = {n: a.detach().clone().requires_grad_() for n, a in differentiable(call).items()}
    outputs = compute(change(with_arrays(call, **leaves)), backend)
    generator = torch.Generator().manual_seed(0)
    cotangents = [
        torch.randn(o.shape, generator=generator, dtype=torch.float64).to(o.dtype) for o in outputs
    ]
    found = torch.autograd.grad(outputs, list(leaves.values()), cotangents, allow_unused=True)
    return {
        name: torch.zeros_like(leaf) if gradient is None else gradient
        for (name, leaf), gradient in zip(leaves.items(), found, strict=True)
    }


def disagreement(
    call: Call, backend: str, change: Callable[[Call], Call] = lambda call: call
) -> dict[str, float]:
    """How far values and gradients are from the reference in float64, by name."""
    ours, oracle = compute(change(call), backend), compute(wide(call), "reference")
    names = ("y", *STATES[call.family])
    far = {n: distance(a, b) for n, a, b in zip(names, ours, oracle, strict=True)}
    expected = gradients(wide(call), "reference")
    for name, gradient in gradients(call, backend, change).items():
        far[f"d_{name}"] = distance(gradient, expected[name])
    return far


def part(call: Call, first: int, last: int) -> Call:
    """Steps first..last of the call, the lengths cut with them."""
    cut = {
        name: call.arrays[name][:, first:last]
        for name, field in FAMILIES[call.family].items()
        if "T" in field.axes and call.arrays[name] is not None
    }
    if call.arrays["lengths"] is not None:
        cut["lengths"] = (call.arrays["lengths"] - first).clamp(0, last - first)
    return with_arrays(call, **cut)


def distance(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, relative where values exceed 1; infinite where only one is NaN."""
    if ours.shape != theirs.shape:
        return float("inf")
    if not ours.numel():
        return 0.0
    ours, theirs = ours.detach().double(), theirs.detach().double()
    if not torch.equal(ours.isnan(), theirs.isnan()):
        return float("inf")
    scale = max(1.0, float(theirs.nan_to_num().abs().max()))
    return float((ours - theirs).nan_to_num().abs().max()) / scale


def same(ours: Sequence[Tensor], theirs: Sequence[Tensor], backend: str) -> bool:
    """What is promised of a rearranged computation: the same bits from the native kernels."""
    if backend == "native":
        return all(
            torch.equal(a.nan_to_num(), b.nan_to_num()) and torch.equal(a.isnan(), b.isnan())
            for a, b in zip(ours, theirs, strict=True)
        )
    allowed = TOLERANCE[ours[0].dtype]
    return all(distance(a, b) <= allowed for a, b in zip(ours, theirs, strict=True))
