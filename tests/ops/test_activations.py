"""Each activation is its formula, lets NaN through, and is right under double backward."""

from __future__ import annotations

import math

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from recurra.errors import SpecError
from recurra.ops.activations import activation
from recurra.spec.cells import ACTIVATIONS

FORMULAS = {
    "tanh": math.tanh,
    "relu": lambda x: max(x, 0.0),
    "sigmoid": lambda x: 0.5 + 0.5 * math.tanh(x / 2),
    "hard_sigmoid": lambda x: min(max(x / 6 + 0.5, 0.0), 1.0),
    "hard_tanh": lambda x: min(max(x, -1.0), 1.0),
    "softsign": lambda x: x / (1 + abs(x)),
    "identity": lambda x: x,
}
# On both sides of every kink (-3, -1, 0, 1, 3), and on none.
POINTS = [-50.0, -3.5, -2.0, -0.4, 0.3, 1.7, 3.2, 50.0]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_are_the_formula(name: str) -> None:
    got = activation(name)(torch.tensor(POINTS, dtype=torch.float64))
    expected = torch.tensor([FORMULAS[name](x) for x in POINTS], dtype=torch.float64)
    torch.testing.assert_close(got, expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_first_and_second_derivatives(name: str) -> None:
    x = torch.tensor(POINTS[1:-1], dtype=torch.float64, requires_grad=True)
    assert gradcheck(activation(name), x)
    assert gradgradcheck(activation(name), x)


def test_softsign_has_slope_one_at_zero() -> None:
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(activation("softsign")(x).sum(), x)
    assert slope == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_nan_goes_through(name: str, dtype: torch.dtype) -> None:
    """Alone and in a long array: torch's vectorised paths are others than its scalar ones."""
    for size in (1, 67):
        assert activation(name)(torch.full((size,), math.nan, dtype=dtype)).isnan().all()


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(SpecError, match=r"one of tanh, relu.*got 'gelu'"):
        activation("gelu")
