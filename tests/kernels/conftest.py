"""One layer's call drawn at random, with its oracle: the reference in torch, in float64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from recurra import kernels
from recurra.ops import reference
from recurra.spec.cells import ACTIVATIONS, CELLS, RESETS
from recurra.spec.kernel import FAMILIES

STATES = {cell.family: cell.state_fields for cell in CELLS.values()}
KINDS = {cell.family: kind for kind, cell in CELLS.items()}
SINGLE_STEP = ("valid", "starts", "zoneout_h", "zoneout_c", "recurrent_dropout", "decay")


@dataclass(frozen=True)
class Case:
    """Arrays and choices of one call."""

    family: str
    arrays: dict[str, Any]
    choices: dict[str, Any] = field(default_factory=dict)

    @property
    def face(self) -> Any:
        return getattr(kernels, self.family)

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]

    def but(self, **arrays: Any) -> Case:
        return replace(self, arrays={**self.arrays, **arrays})

    def forward(self, **options: Any) -> Any:
        return self.face.forward(**self.arrays, **self.choices, **options)

    def backward(self, kept: Any, gradients: list[Any], **options: Any) -> Any:
        return self.face.backward(kept, *gradients, **self.arrays, **self.choices, **options)

    def step(self, t: int, states: tuple[Any, ...], packed: Any = None, **options: Any) -> Any:
        """One step from `states`, of the arrays at t."""
        choices = {k: v for k, v in self.choices.items() if k != "reverse"}
        at = {n: a[:, t] for n, a in self.arrays.items() if n in SINGLE_STEP and a is not None}
        at |= {n: a for n, a in self.arrays.items() if n.startswith("start_")}
        named = dict(zip(STATES[self.family], states, strict=True))
        if packed is None:
            weights = {n: a for n, a in self.arrays.items() if n.endswith(("weight", "bias"))}
            result = self.face.step(self["x"][:, t], **named, **weights, **choices, **at, **options)
        else:
            result = packed.step(self["x"][:, t], **named, **at, **options)
        return result if isinstance(result, tuple) else (result,)

    def packed(self) -> Any:
        weights = {n: a for n, a in self.arrays.items() if n.endswith(("weight", "bias"))}
        return self.face.Packed(
            **weights, **{k: v for k, v in self.choices.items() if k != "reverse"}
        )

    def rows(self, index: Any) -> Case:
        """The same call for some rows only."""
        weights = ("input_weight", "recurrent_weight", "input_bias", "recurrent_bias")
        return replace(
            self,
            arrays={
                n: a if a is None or n in weights else a[index] for n, a in self.arrays.items()
            },
        )

    def as_float64(self) -> Case:
        return replace(
            self,
            arrays={
                n: a.astype(np.float64) if a is not None and a.dtype.kind == "f" else a
                for n, a in self.arrays.items()
            },
        )

    def oracle(self, gradients: list[Any] | None = None) -> tuple[list[Any], dict[str, Any]]:
        """Outputs and states in float64, and the gradient of each differentiable array."""
        tensors = {
            n: None if a is None else torch.from_numpy(np.ascontiguousarray(a))
            for n, a in self.as_float64().arrays.items()
        }
        wanted = {
            n: t.requires_grad_()
            for n, t in tensors.items()
            if t is not None and t.dtype.is_floating_point
        }
        outputs = getattr(reference, KINDS[self.family])(**tensors, **self.choices)
        found: dict[str, Any] = {}
        if gradients is not None:
            given = [torch.from_numpy(np.asarray(g, np.float64)) for g in gradients]
            parts = torch.autograd.grad(
                outputs, list(wanted.values()), given, allow_unused=True, materialize_grads=True
            )
            found = {n: g.numpy() for n, g in zip(wanted, parts, strict=True)}
        return [a.detach().numpy() for a in outputs], found


def build(
    family: str,
    rng: np.random.Generator,
    sizes: tuple[int, int, int, int],
    *,
    dtype: str = "float64",
    options: frozenset[str] = frozenset(),
    choices: dict[str, Any] | None = None,
) -> Case:
    """A call of sizes B, T, I, H with the optional arrays that are named."""
    B, T, inputs, H = sizes
    choices = dict(choices or {})
    gates = {"lstm": 4, "rnn": 1, "scan": 2}.get(family) or (
        2 if choices.get("reset") == "none" else 3
    )
    states = STATES[family]

    def real(*shape: int, scale: float = 1.0) -> Any:
        return (scale * rng.standard_normal(shape)).astype(dtype)

    arrays: dict[str, Any] = {"x": real(B, T, inputs)}
    arrays |= {f"{s}0": real(B, H) for s in states}
    arrays["input_weight"] = real(gates * H, inputs, scale=inputs**-0.5)
    if "recurrent_weight" in FAMILIES[family]:
        arrays["recurrent_weight"] = real(gates * H, H, scale=H**-0.5)
    makers = {
        "input_bias": lambda: real(gates * H, scale=0.3),
        "recurrent_bias": lambda: real(gates * H, scale=0.3),
        "lengths": lambda: rng.integers(0, T + 1, B),
        "valid": lambda: rng.random((B, T)) < 0.7,
        "starts": lambda: rng.random((B, T)) < 0.2,
        "recurrent_dropout": lambda: (rng.random((B, T, H)) < 0.7).astype(dtype) / 0.7,
        "decay": lambda: rng.random((B, T, H)).astype(dtype),
    }
    for s in states:
        makers[f"start_{s}"] = lambda: real(B, H)
        makers[f"zoneout_{s}"] = lambda: rng.random((B, T, H)).astype(dtype)
    arrays |= {
        n: make() if n in options else None for n, make in makers.items() if n in FAMILIES[family]
    }
    arrays = {
        n: a.astype(dtype) if a is not None and a.dtype.kind == "f" else a
        for n, a in arrays.items()
    }
    return Case(family, arrays, choices)


OPTIONS = (
    "input_bias",
    "recurrent_bias",
    "lengths",
    "valid",
    "starts",
    "recurrent_dropout",
    "decay",
    "start_h",
    "start_c",
    "zoneout_h",
    "zoneout_c",
)


@st.composite
def calls(draw: Any, family: str, dtype: str | None = None, usual: bool = False) -> Case:
    """Any call of a family: sizes, options, choices and dtype."""
    sizes = (
        draw(st.integers(0, 10)),
        draw(st.integers(0, 9)),
        draw(st.integers(1, 9)),
        draw(st.sampled_from([1, 2, 3, 7, 8, 15, 16, 17, 33])),
    )
    choices: dict[str, Any] = {"reverse": draw(st.booleans())}
    if not usual:
        choices["activation"] = draw(st.sampled_from(ACTIVATIONS))
    if family != "rnn" and not usual:
        choices["gate_activation"] = draw(st.sampled_from(ACTIVATIONS))
    if family == "gru":
        choices["reset"] = draw(st.sampled_from(RESETS))
    options = draw(st.frozensets(st.sampled_from(OPTIONS)))
    dtype = dtype or draw(st.sampled_from(["float32", "float64"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return build(family, rng, sizes, dtype=dtype, options=options, choices=choices)


@pytest.fixture
def draw_call() -> Any:
    """calls(family) for `data.draw`."""
    return calls


@pytest.fixture
def make_call() -> Any:
    """build(family, rng, sizes, ...)."""
    return build


@pytest.fixture(params=kernels.isas())
def each_isa(request: Any) -> Iterator[str]:
    """Every instruction set that runs here, one after another."""
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)
