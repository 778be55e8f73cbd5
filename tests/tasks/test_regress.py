"""The loss is the squared error of scaled targets as sum and weight."""

import numpy as np
import pytest
import torch

from recurra.decode import ValueDecoder
from recurra.spec.batch import Encoded, collate
from recurra.spec.settings import Settings
from recurra.tasks import Regress

TARGETS = [0.5, -1.0, 2.0]


def test_sum_and_weight() -> None:
    x = np.zeros((1, 1), np.float32)
    batch = collate(
        [Encoded({"x": x}, {"y": np.array([y], np.float32)}) for y in TARGETS], [0, 1, 2]
    )
    values = torch.tensor([[0.0], [0.0], [1.0]], requires_grad=True)
    total, weight = Regress().loss({"head": values}, batch)
    assert total.item() == pytest.approx(0.25 + 1.0 + 1.0)
    assert weight.item() == 3
    total.backward()
    assert values.grad is not None
    assert values.grad[:, 0].tolist() == pytest.approx([-1.0, 2.0, -2.0])


def test_a_lower_squared_error_is_better() -> None:
    assert Regress.metric == ("mse", "min")
    assert isinstance(Regress().decoder(object()), ValueDecoder)


@pytest.mark.parametrize(
    ("chosen", "quantile", "each"),
    [
        ("mae", 0.5, [0.5, 1.0, 1.0]),
        ("huber", 0.5, [0.125, 0.5, 0.5]),
        ("quantile", 0.9, [0.45, 0.1, 0.9]),
        ("quantile", 0.5, [0.25, 0.5, 0.5]),
    ],
)
def test_every_loss_is_its_equation(chosen: str, quantile: float, each: list[float]) -> None:
    x = np.zeros((1, 1), np.float32)
    batch = collate(
        [Encoded({"x": x}, {"y": np.array([y], np.float32)}) for y in TARGETS], [0, 1, 2]
    )
    task = Regress.of(Settings.from_flat({"loss": chosen, "quantile": quantile}))
    total, weight = task.loss({"head": torch.tensor([[0.0], [0.0], [1.0]])}, batch)
    assert total.item() == pytest.approx(sum(each))
    assert weight.item() == 3
