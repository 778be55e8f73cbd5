"""The portable numpy forward is the oracle's, row by row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from recurra.kernels import portable
from recurra.spec.cells import CELLS

STATES = {cell.family: cell.state_fields for cell in CELLS.values()}
WEIGHTS = ("input_weight", "recurrent_weight", "input_bias", "recurrent_bias")


def run(case):
    zero = np.zeros(len(case["input_weight"]), case["x"].dtype)
    given = {n: case.arrays.get(n) for n in WEIGHTS}
    weights = {n: zero if a is None else a for n, a in given.items()}
    choices = {"reset": "after", "activation": "tanh", "gate_activation": "sigmoid"}
    choices |= {n: w for n, w in case.choices.items() if n != "reverse"}
    return portable.forward(
        case.family,
        weights,
        choices,
        case.arrays,
        STATES[case.family],
        reverse=case.choices.get("reverse", False),
    )


@pytest.mark.parametrize("family", STATES)
@given(data=st.data())
def test_it_is_the_oracle_with_every_option(draw_call, family, data):
    case = data.draw(draw_call(family, "float64"))
    outputs, _ = case.oracle()
    assume(all(float(np.abs(a).max(initial=0.0)) < 50 for a in outputs))
    y, states = run(case)
    for ours, theirs in zip((y, *states), outputs, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-11)


@pytest.mark.parametrize("family", STATES)
@given(data=st.data())
def test_a_row_does_not_depend_on_its_neighbours(draw_call, family, data):
    case = data.draw(draw_call(family))
    y, _ = run(case)
    for row in range(len(y)):
        assert run(case.rows([row]))[0].tobytes() == y[row].tobytes()


def test_activations_pass_nan_through():
    for name, activate in portable.ACTIVATIONS.items():
        assert np.isnan(activate(np.float32([np.nan]))).all(), name


def test_linear_is_the_product_row_by_row():
    rng = np.random.default_rng(0)
    x, weight, bias = (rng.standard_normal(s) for s in ((4, 3), (5, 3), (5,)))
    out = np.empty((4, 5))
    portable.linear(x, weight, bias, out)
    np.testing.assert_allclose(out, x @ weight.T + bias, rtol=0, atol=1e-14)
