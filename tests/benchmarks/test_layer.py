"""Every contender computes the same layer: a gate exchanged in any peer shows as an error."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import harness
from benchmarks.contest import CASES
from benchmarks.layer import WEIGHTS, Layer

SHAPE = (2, 3, 4, 5)
# Compiling takes seconds: the loop that is compiled has a test of its own below.
FAST = sorted(set(CASES) - {"gru-before-training"})
# float32 on a handful of steps.
CLOSE = 2e-6
# PyTorch's own under autocast to bfloat16 is 2e-2 to 3e-2 off; an exchanged gate is tenths off.
CLOSE_ROUNDED = 5e-2


@pytest.mark.parametrize("name", FAST)
def test_all_contenders_agree_with_float64(name: str) -> None:
    """Outputs and every gradient, of ours and of each peer that is installed."""
    case = CASES[name]
    layer = case.layer((2, 1, 4, 5) if case.stepwise else SHAPE)
    exact = layer.exact(gradients=case.gradients)
    close = CLOSE_ROUNDED if name.endswith("bf16") else CLOSE
    everyone = case.contenders(layer, 1)
    assert {"ours", "pytorch"} <= set(everyone)
    for who, one in everyone.items():
        one.call()
        assert harness.difference(one.results(), exact) < close, who


def test_the_loop_with_reset_before_agrees_with_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer's equation, uncompiled, and ours."""
    monkeypatch.setattr("torch.compile", lambda function, **_: function)
    case = CASES["gru-before-training"]
    layer = case.layer(SHAPE)
    exact = layer.exact(gradients=True)
    for who, one in case.contenders(layer, 1).items():
        assert harness.difference(one.results(), exact) < CLOSE, who


@pytest.mark.parametrize("family", ["gru", "lstm"])
def test_two_gates_exchanged_are_seen(family: str) -> None:
    """The comparison would not pass with blocks of rows in another order."""
    layer = Layer.random(family, SHAPE)
    swapped = {name: np.roll(weight, SHAPE[3], 0) for name, weight in layer.weights.items()}
    other = Layer(family, SHAPE, swapped, layer.x, layer.dy, layer.choices)
    exact = layer.exact(gradients=False)
    assert harness.difference(other.exact(gradients=False), exact) > 1e4 * CLOSE


@pytest.mark.parametrize("order", [None, (1, 0, 2), (2, 0, 1)])
def test_translating_back_undoes_translating(order: tuple[int, ...] | None) -> None:
    """For the GRU, whose update gate changes its sign on the way."""
    layer = Layer.random("gru", SHAPE)
    for name, theirs in zip(WEIGHTS, layer.theirs(order), strict=True):
        np.testing.assert_array_equal(layer.back(theirs, order), layer.weights[name])
        assert not np.array_equal(theirs, layer.weights[name])
