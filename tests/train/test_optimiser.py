"""Weights decay, biases and initial states do not, and nothing is left out of the optimiser."""

import pytest
import torch

from recurra.spec.settings import TrainingSettings
from recurra.train.optimiser import decays, optimiser_for


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("embedding.weight", True),
        ("encoder.layers.0.forward.input_weight", True),
        ("encoder.recurrent_weight", True),
        ("head.bias", False),
        ("encoder.input_bias", False),
        ("encoder.recurrent_bias", False),
        ("encoder.initial_h", False),
        ("encoder.initial_c", False),
    ],
)
def test_only_weights_decay(name: str, expected: bool) -> None:
    assert decays(name) is expected


def test_without_a_gradient_only_weights_shrink() -> None:
    module = torch.nn.Linear(3, 2)
    before = {name: value.detach().clone() for name, value in module.named_parameters()}
    optimiser = optimiser_for(module, TrainingSettings(learning_rate=0.1, weight_decay=0.5))
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    assert torch.allclose(module.weight, before["weight"] * (1 - 0.1 * 0.5))
    assert torch.equal(module.bias, before["bias"])


def test_every_parameter_is_in_one_group() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 2, bias=False))
    optimiser = optimiser_for(module, TrainingSettings())
    held = [id(p) for group in optimiser.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in module.parameters())
