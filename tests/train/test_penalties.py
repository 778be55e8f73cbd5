"""A penalty is the sum of its named terms."""

import pytest
import torch

from recurra.layers import GraphModule, build
from recurra.spec.cells import GRUCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Bidirectional, Embedding, Linear
from recurra.spec.settings import TrainingSettings
from recurra.train.penalties import Penalty


def network() -> GraphModule:
    torch.manual_seed(0)
    cell = GRUCell(input_size=3, hidden_size=4)
    steps = (
        Step("embedding", Embedding(tokens=5, size=3), ("x",)),
        Step("encoder", Bidirectional(forward=cell, backward=cell), ("embedding",)),
        Step("head", Linear(input_size=8, output_size=2), ("encoder",)),
    )
    module = build(Graph({"x": Signal("steps", 5, "token")}, steps, ("encoder", "head")))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return module


KINDS = {
    "kernel": ("forward.input_weight", "backward.input_weight", "head.weight"),
    "recurrent": ("recurrent_weight",),
    "bias": ("bias",),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", [1, 2])
def test_each_kind_of_weight_has_its_own(kind: str, order: int) -> None:
    module = network()
    found = Penalty(module, TrainingSettings(**{f"l{order}_{kind}": 0.5}))()
    assert found is not None
    weights = [w for name, w in module.state_dict().items() if name.endswith(KINDS[kind])]
    assert weights
    wanted = 0.5 * sum((w.abs() if order == 1 else w.square()).sum() for w in weights)
    assert found.item() == pytest.approx(float(wanted), rel=1e-5)


def test_activations_are_those_of_the_newest_pass() -> None:
    module = network()
    penalty = Penalty(module, TrainingSettings(activation_penalty=2.0, temporal_penalty=3.0))
    outputs, _ = module({"x": torch.tensor([[1, 2, 3], [4, 0, 1]])})
    h = outputs["encoder"]
    wanted = 2.0 * h.square().mean() + 3.0 * (h[:, 1:] - h[:, :-1]).square().mean()
    found = penalty()
    assert found is not None
    assert found.item() == pytest.approx(wanted.item(), rel=1e-6)
    assert penalty() is None
    module.eval()
    module({"x": torch.tensor([[1, 2, 3]])})
    assert penalty() is None


def test_without_factors_there_is_none() -> None:
    assert Penalty(network(), TrainingSettings())() is None
