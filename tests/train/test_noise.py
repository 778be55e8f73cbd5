"""Inputs are disturbed while a network learns, as much as was asked for, and only then."""

import torch

from recurra.layers import build
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Dropout, Embedding
from recurra.spec.settings import TrainingSettings
from recurra.train.noise import disturb


def test_noise_has_its_spread() -> None:
    graph = Graph({"x": Signal("steps", 8)}, (Step("y", Dropout(rate=0.0), ("x",)),), ("y",))
    module = build(graph)
    disturb(module, TrainingSettings(input_noise=0.5))
    x = torch.ones(32, 64, 8)
    torch.manual_seed(0)
    noise = module({"x": x})[0]["y"] - x
    assert abs(float(noise.mean())) < 0.02
    assert abs(float(noise.std()) - 0.5) < 0.02
    module.eval()
    assert torch.equal(module({"x": x})[0]["y"], x)


def test_a_symbol_vanishes_everywhere_in_a_batch() -> None:
    graph = Graph(
        {"x": Signal("steps", 200, "token")},
        (Step("y", Embedding(tokens=200, size=3), ("x",)),),
        ("y",),
    )
    module = build(graph)
    disturb(module, TrainingSettings(embedding_dropout=0.25))
    tokens = torch.arange(200).repeat(2, 2)
    torch.manual_seed(0)
    y = module({"x": tokens})[0]["y"].reshape(4, 200, 3)
    assert torch.equal(y[0], y[3])
    gone = (y[0] == 0).all(1)
    assert 0.15 < float(gone.float().mean()) < 0.35
    weight = module.get_parameter("y.weight")
    torch.testing.assert_close(y[0][~gone], weight[~gone] / 0.75)
    module.eval()
    assert torch.equal(module({"x": tokens})[0]["y"][0, :200], weight)
