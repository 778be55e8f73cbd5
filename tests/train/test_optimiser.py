"""Weights decay, biases and initial states do not, and nothing is left out of the optimiser."""

import pytest
import torch

from recurra.errors import SettingsError
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


def stepped(**settings: object) -> torch.Tensor:
    torch.manual_seed(0)
    module = torch.nn.Linear(3, 2)
    optimiser = optimiser_for(module, TrainingSettings(weight_decay=0.0, **settings))
    for _ in range(3):
        optimiser.zero_grad()
        module(torch.ones(1, 3)).square().sum().backward()
        optimiser.step()
    return module.weight.detach()


def test_names_are_the_classes_of_torch() -> None:
    def torchs(kind: type[torch.optim.Optimizer], **options: float) -> torch.Tensor:
        torch.manual_seed(0)
        module = torch.nn.Linear(3, 2)
        optimiser = kind(module.parameters(), lr=0.05, **options)
        for _ in range(3):
            optimiser.zero_grad()
            module(torch.ones(1, 3)).square().sum().backward()
            optimiser.step()
        return module.weight.detach()

    wanted = {
        "gd": (torch.optim.SGD, {"momentum": 0.9}),
        "sgd": (torch.optim.SGD, {"momentum": 0.9}),
        "adam": (torch.optim.Adam, {}),
        "adamw": (torch.optim.AdamW, {"weight_decay": 0.0}),
        "nadam": (torch.optim.NAdam, {}),
        "radam": (torch.optim.RAdam, {}),
        "rmsprop": (torch.optim.RMSprop, {"momentum": 0.9}),
        "adagrad": (torch.optim.Adagrad, {}),
        "Adamax": (torch.optim.Adamax, {}),
        "Rprop": (torch.optim.Rprop, {}),
    }
    found = {name: stepped(optimiser=name, learning_rate=0.05) for name in wanted}
    for name, (kind, options) in wanted.items():
        torch.testing.assert_close(found[name], torchs(kind, **options), msg=name)


def test_nesterov_looks_ahead() -> None:
    plain, ahead = (
        stepped(optimiser="sgd", learning_rate=0.05, nesterov=chosen) for chosen in (False, True)
    )
    assert not torch.equal(plain, ahead)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"optimiser": "adamx"}, "did you mean 'adam'"),
        ({"optimiser": "LBFGS"}, "several times a step"),
        ({"optimiser": "SparseAdam"}, "sparse"),
        ({"optimiser": "lr_scheduler"}, "must be one of"),
        ({"optimiser": "adam", "nesterov": True}, "nesterov is for"),
        ({"optimiser": "sgd", "nesterov": True, "momentum": 0.0}, "nesterov is for"),
    ],
)
def test_what_cannot_train_is_refused(settings: dict[str, object], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        optimiser_for(torch.nn.Linear(1, 1), TrainingSettings(**settings))
