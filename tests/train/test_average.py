"""The average follows the weights as its equation says, and the network keeps its own."""

import pytest
import torch

from recurra.errors import StateError
from recurra.train.average import Average


def test_the_equation() -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        network.weight.fill_(0.0)
    average, wanted = Average(network, 0.5), 0.0
    for step in range(1, 20):
        with torch.no_grad():
            network.weight.fill_(float(step))
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        wanted = decay * wanted + (1 - decay) * step
    with average.in_place():
        assert network.weight.item() == pytest.approx(wanted, rel=1e-6)
    assert network.weight.item() == 19.0


def test_without_a_decay_nothing_is_kept() -> None:
    network = torch.nn.Linear(1, 1)
    average = Average(network, 0.0)
    average.update()
    with average.in_place():
        pass
    assert average.state() == {}


def test_it_goes_on_from_its_state() -> None:
    network = torch.nn.Linear(2, 2)
    first, second = Average(network, 0.9), Average(network, 0.9)
    with torch.no_grad():
        network.weight.add_(1.0)
    first.update()
    second.restore({name: value.clone() for name, value in first.state().items()})
    with torch.no_grad():
        network.weight.add_(1.0)
    first.update()
    second.update()
    for name, value in first.state().items():
        assert torch.equal(second.state()[name], value)
    with pytest.raises(StateError, match="another network"):
        second.restore({})
