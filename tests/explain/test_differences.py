"""The oracle finds derivatives that are known in closed form."""

from typing import Any

import numpy as np
import torch

from recurra.explain import flow_by_differences
from recurra.explain.flow import Norm
from recurra.layers import RNN, MinGRU


def test_a_linear_recurrence() -> None:
    """h_T = U^(T - t) h_t + ...: the norms of the power of U."""
    torch.manual_seed(0)
    layer = RNN(2, 3, activation="identity")
    x = torch.randn(2, 6, 2)
    power = torch.linalg.matrix_power(layer.recurrent_weight.detach().double(), 4)
    orders: dict[Norm, Any] = {"spectral": 2, "frobenius": "fro"}
    for norm, order in orders.items():
        found = flow_by_differences(layer, x, 1, norm=norm)
        expected = float(torch.linalg.matrix_norm(power, order))
        np.testing.assert_allclose(found["h"], [expected] * 2, rtol=1e-9)


def test_a_gate_that_reads_the_input_alone() -> None:
    """A minGRU's dh_T / dh_t is the product of 1 - z over the later steps."""
    torch.manual_seed(0)
    layer = MinGRU(2, 3).double()
    x = torch.randn(2, 6, 2).double()
    keep = 1 - torch.sigmoid((x @ layer.input_weight.T + layer.input_bias)[..., :3])
    expected = keep[:, 2:].prod(1).amax(1).detach()
    np.testing.assert_allclose(flow_by_differences(layer, x, 1)["h"], expected, rtol=1e-8)


def test_the_layer_stays_as_it_is() -> None:
    layer = RNN(2, 3)
    flow_by_differences(layer, torch.randn(1, 4, 2), 0)
    assert layer.recurrent_weight.dtype == torch.float32
    assert layer.training
