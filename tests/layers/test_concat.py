"""Law: what goes in comes out side by side, zero where a step does not count."""

from __future__ import annotations

import pytest
import torch

from recurra.errors import ShapeError
from recurra.layers.concat import Concat


def test_two_inputs_stand_side_by_side() -> None:
    layer = Concat(2, 1)
    x, right = torch.randn(2, 3, 2), torch.randn(2, 3, 1)
    x[1, 2] = torch.nan
    y, state = layer(x, right, lengths=torch.tensor([3, 2]))
    assert torch.equal(y[0], torch.cat((x[0], right[0]), 1))
    assert not y[1, 2].any()
    step, _ = layer.step(x[:, 0], right[:, 0], state, valid=torch.tensor([True, False]))
    assert torch.equal(step, torch.cat((x[:, 0], right[:, 0]), 1) * torch.tensor([[1.0], [0.0]]))
    assert layer.initial_state(2) == state


def test_other_axes_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"Concat expected \[B, T, 2\] and \[B, T, 1\], got"):
        Concat(2, 1)(torch.zeros(2, 3, 2), torch.zeros(2, 4, 1))
