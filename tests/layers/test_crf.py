"""Law: every sequence gets the same potentials, and their gradients add up over the rows."""

from __future__ import annotations

import pytest
import torch

from recurra.errors import ShapeError
from recurra.layers.crf import Crf


def test_every_row_holds_all_parameters_in_order() -> None:
    layer = Crf(2)
    assert {name: [*p.shape] for name, p in layer.state_dict().items()} == {
        name: [*shape] for name, shape in layer.node.parameters().items()
    }
    with torch.no_grad():
        for k, parameter in enumerate(layer.parameters()):
            parameter.copy_(torch.arange(parameter.numel()).reshape(parameter.shape) + 10.0 * k)
    row, state = layer(torch.full((3, 4, 2), torch.nan), lengths=torch.tensor([4, 0, 1]))
    assert row.tolist() == [[0, 1, 10, 11, 12, 13, 20, 21]] * 3
    assert torch.equal(layer.step(torch.zeros(3, 2), state)[0], row)
    assert layer.initial_state(3) == state
    row.sum().backward()
    assert layer.follow.grad.tolist() == [[3, 3], [3, 3]]


def test_other_axes_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"Crf expected x \[B, T, K=2\], got \[3, 4, 5\]"):
        Crf(2)(torch.zeros(3, 4, 5))
