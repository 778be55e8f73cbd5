"""A constraint holds at every moment, through training, averages and export, and leaves plain
weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from recurra.codecs.corpus_files import corpus_cases
from recurra.errors import SettingsError
from recurra.layers import GraphModule
from recurra.runtime import load
from recurra.spec.settings import Settings, TrainingSettings
from recurra.train.constraint import Constraint, own_weights, plain_name, plain_weights
from recurra.train.fit import Fitted, fit_cases
from recurra.train.optimiser import decays
from recurra.train.penalties import Penalty
from train.comparing import settings, waves
from train.test_penalties import network

WORDS = ["max_norm", "unit_norm", "non_negative"]
WAYS = ["parametrisation", "projection"]
NAMES = ("recurrent_weight", "head.weight")


def constrained(module: GraphModule, word: str, way: str, **choices: Any) -> Constraint:
    given = {"constrained": NAMES, "max_norm": 1.5, **choices}
    return Constraint(module, TrainingSettings(constraint=word, constrain_by=way, **given))  # type: ignore[arg-type]  # words of the settings


def holds(word: str, weight: Any, largest: float = 1.5) -> bool:
    norms = np.linalg.norm(np.asarray(weight), axis=1)
    if word == "non_negative":
        return bool((np.asarray(weight) >= 0).all())
    return (
        bool((norms <= largest * (1 + 1e-6)).all()) if word == "max_norm" else np.allclose(norms, 1)
    )


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("way", WAYS)
def test_the_equation_holds_for_what_is_named_alone(word: str, way: str) -> None:
    module = network()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    constrained(module, word, way).apply()
    for name, value in plain_weights(module).items():
        if not name.endswith(NAMES):
            assert torch.equal(value, before[name])
            continue
        norms, former = value.norm(dim=1), before[name].norm(dim=1)
        if word == "max_norm":
            torch.testing.assert_close(norms, former.clamp(max=1.5))
            assert torch.equal(value[former < 1.5], before[name][former < 1.5])
        elif word == "unit_norm":
            torch.testing.assert_close(norms, torch.ones_like(norms))
        elif way == "projection":
            assert torch.equal(value, before[name].clamp(min=0))
        else:
            assert torch.equal(value, before[name].abs())


@pytest.mark.parametrize("word", WORDS)
def test_a_parametrised_network_computes_with_what_it_is_left_with(word: str) -> None:
    """The native kernels still run it, and to the bit the plain network gives the same."""
    module = network()
    constraint = constrained(module, word, "parametrisation")
    x = {"x": torch.tensor([[1, 2, 3], [4, 0, 1]])}
    encoder: Any = module.encoder
    values = torch.randn(2, 3, 3, requires_grad=True)
    assert encoder.forward_cell.why(values).backend == "native"
    first, names = module(x)[0]["head"], list(plain_weights(module))
    assert any("parametrizations" in name for name in module.state_dict())
    constraint.settle()
    assert torch.equal(module(x)[0]["head"], first)
    assert list(module.state_dict()) == names
    assert type(encoder.forward_cell).__name__ == "GRU"


def test_gradients_flow_through_it() -> None:
    """Of a unit norm: none along the weight itself."""
    module = network()
    constrained(module, "unit_norm", "parametrisation")
    module({"x": torch.tensor([[1, 2, 3]])})[0]["head"].square().sum().backward()
    head: Any = module.head
    free = head.parametrizations.weight.original
    along = (free.grad * free.detach()).sum(1)
    assert free.grad.abs().max() > 1e-3
    torch.testing.assert_close(along, torch.zeros_like(along), atol=1e-5, rtol=0)


def test_groups_and_penalties_know_a_weight_by_its_own_name() -> None:
    module = network()
    plain = {name for name, _ in module.named_parameters() if decays(name)}
    constrained(module, "unit_norm", "parametrisation")
    assert {plain_name(n) for n, _ in module.named_parameters() if decays(n)} == plain
    found = Penalty(module, TrainingSettings(l2_recurrent=0.5))()
    # Rows of norm 1: two cells of 12 rows.
    assert found is not None
    assert found.item() == pytest.approx(0.5 * 24, rel=1e-5)
    assert len([*own_weights(module)]) == len([*own_weights(network())])


def fitted(word: str, way: str, **changes: Any) -> Fitted:
    return fit_cases(
        waves(),
        settings(constraint=word, constrain_by=way, epochs=3, learning_rate=0.1, **changes),
    )


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("average", [0.0, 0.9])
def test_it_holds_for_what_is_kept(word: str, way: str, average: float, tmp_path: Any) -> None:
    """Averaged weights too, in the network, in its bundle, and in the epoch that was measured."""
    limit = {"max_norm": 0.7} if word == "max_norm" else {}
    found = fitted(word, way, average=average, **limit)
    found.export(tmp_path / "b")
    weights = load(tmp_path / "b").parts.weights
    assert set(weights) == set(found.module.state_dict())
    for name in ("encoder.input_weight", "encoder.recurrent_weight"):
        assert holds(word, weights[name], 0.7)


def test_the_two_ways_are_two_trainings() -> None:
    one, other = (fitted("unit_norm", way).module.state_dict() for way in WAYS)
    name = "encoder.recurrent_weight"
    assert not torch.equal(one[name], other[name])


def test_a_shared_weight_is_kept_under_both_its_names() -> None:
    text = "the cat sat on the mat. the dog sat on the log.\n" * 8
    small = {"task": "generate", "tie": True, "hidden": 6, "embedding": 6, "epochs": 2}
    more = {"window": 10, "batch_size": 3, "threads": 1, "dropout": 0.0}
    norm = {"constraint": "unit_norm", "constrained": ("weight",)}
    found = fit_cases(corpus_cases(text), Settings.from_flat({**small, **more, **norm}))
    weights = found.module.state_dict()
    assert torch.equal(weights["head.weight"], weights["embedding.weight"])
    assert holds("unit_norm", weights["head.weight"])


def test_a_weight_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'dream', which is no weight .* input_weight"):
        constrained(network(), "max_norm", "parametrisation", constrained=("dream",))
