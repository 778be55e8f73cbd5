"""Dropout zeroes values in training with the stated probability and is the identity afterwards."""

from __future__ import annotations

import pytest
import torch

from recurra.errors import SpecError
from recurra.layers import Dropout
from recurra.spec.state import StatelessState


def test_it_is_the_identity_at_inference() -> None:
    """In evaluation, and at rate 0 also in training, the very same tensor comes back."""
    x = torch.randn(2, 3, 4)
    for layer in (Dropout(0.5).eval(), Dropout(0.0)):
        y, state = layer(x, lengths=torch.tensor([1, 2]))
        assert y is x
        assert state == layer.initial_state(2) == StatelessState()
        assert layer.step(x[:, 0], state)[0].equal(x[:, 0])


@pytest.mark.parametrize("shape", [(20, 10, 40), (200, 40)])
def test_plain_draws_each_value(shape: tuple[int, ...]) -> None:
    """A quarter is zero, the rest is scaled by 4/3; steps and rows alike."""
    torch.manual_seed(0)
    y, _ = Dropout(0.25)(torch.ones(shape))
    assert set(y.unique().tolist()) == {0.0, torch.tensor(4 / 3).item()}
    # 8,000 draws: five standard deviations of the share are 0.024.
    assert (y == 0).double().mean().item() == pytest.approx(0.25, abs=0.024)
    if len(shape) == 3:
        assert not torch.equal(y[:, 0], y[:, 1])


def test_variational_draws_once_a_sequence() -> None:
    """All steps of a row share one draw, another row has its own."""
    torch.manual_seed(0)
    y, _ = Dropout(0.25, variational=True)(torch.ones(20, 5, 400))
    assert torch.equal(y, y[:, :1].expand_as(y))
    assert not torch.equal(y[0], y[1])
    assert (y[:, 0] == 0).double().mean().item() == pytest.approx(0.25, abs=0.024)


def test_a_seed_repeats_the_draw() -> None:
    """The draw comes from torch's global generator."""
    layer, x = Dropout(0.5), torch.ones(4, 50)
    torch.manual_seed(3)
    first, _ = layer(x)
    second, _ = layer(x)
    torch.manual_seed(3)
    assert torch.equal(layer(x)[0], first)
    assert not torch.equal(first, second)


def test_a_rate_out_of_range_is_refused() -> None:
    """The rate is in [0, 1)."""
    with pytest.raises(SpecError, match="rate must be in"):
        Dropout(1.0)
