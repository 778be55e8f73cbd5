"""Attention weights are the equations' softmax over the places that count."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from recurra.errors import DTypeError, ShapeError
from recurra.layers.attention import Attention, Mixture, Spread
from recurra.spec.attention import SCORES


def drawn(score: str) -> tuple[Attention, Any, Any, Any]:
    torch.manual_seed(0)
    layer = Attention(4, 4, score=score, dtype=torch.float64)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    queries, keys = torch.randn(3, 5, 4).double(), torch.randn(3, 6, 4).double()
    return layer, queries, keys, torch.tensor([6, 2, 0])


def energy(layer: Attention, q: Any, k: Any) -> Any:
    """e_ts word for word."""
    if layer.node.score == "dot":
        return q @ k
    if layer.node.score == "multiplicative":
        return (layer.weight @ q) @ k
    return layer.energy @ torch.tanh(layer.weight @ q + layer.bias + k)


@pytest.mark.parametrize("score", SCORES)
def test_weights_are_the_equation(score: str) -> None:
    """One row, one step, one place at a time; a memory without places gets no weight."""
    layer, queries, keys, places = drawn(score)
    weights, _ = layer(queries, keys, places)
    for b in range(3):
        for t in range(5):
            found = [energy(layer, queries[b, t], keys[b, s]) for s in range(places[b])]
            wanted = torch.zeros(6).double()
            if found:
                wanted[: len(found)] = torch.softmax(torch.stack(found), 0)
            torch.testing.assert_close(weights[b, t], wanted, rtol=0, atol=1e-12)
    one, _ = layer.step(queries[:, 2], keys, places)
    torch.testing.assert_close(one, weights[:, 2], rtol=0, atol=1e-12)


@pytest.mark.parametrize("score", SCORES)
def test_nothing_is_read_beyond_the_lengths(score: str) -> None:
    """NaN in padded places and steps changes no context and no gradient."""
    layer, queries, keys, places = drawn(score)
    mixture, lengths = Mixture(4), torch.tensor([5, 3, 4])
    results = []
    for filler in (0.0, float("nan")):
        q, k = queries.clone(), keys.clone()
        q[1, 3:], q[2, 4:], k[1, 2:], k[2] = filler, filler, filler, filler
        q.requires_grad_()
        k.requires_grad_()
        weights, _ = layer(q, k, places, lengths=lengths)
        context, _ = mixture(weights, k, places, lengths=lengths)
        gradients = torch.autograd.grad(context.square().sum(), (q, k, *layer.parameters()))
        results.append((weights, context, gradients))
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=0)
    weights, context, _ = results[0]
    assert not weights[1, 3:].any()
    assert not context[2].any()
    torch.testing.assert_close(context[0], weights[0] @ keys[0], rtol=0, atol=1e-12)


def test_a_row_is_spread_over_the_steps_that_count() -> None:
    """The same row at each of them, zeros elsewhere."""
    row = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    y, _ = Spread(2)(torch.zeros(2, 3, 7), row, lengths=torch.tensor([3, 1]))
    assert y.tolist() == [[[1, 2]] * 3, [[3, 4], [0, 0], [0, 0]]]
    one, _ = Spread(2).step(torch.zeros(2, 7), row, valid=torch.tensor([True, False]))
    assert one.tolist() == [[1, 2], [0, 0]]


def test_what_does_not_fit_is_refused() -> None:
    """Each input by its name."""
    layer, queries, keys, places = drawn("multiplicative")
    with pytest.raises(ShapeError, match=r"queries \[B, T, Q=4\]"):
        layer(queries[:, :, :3], keys, places)
    with pytest.raises(ShapeError, match=r"a memory \[B=3, S, 4\], got \[2, 6, 4\]"):
        layer(queries, keys[:2], places)
    with pytest.raises(ShapeError, match=r"lengths \[B=3\]"):
        layer(queries, keys, places[:2])
    with pytest.raises(DTypeError, match="int64"):
        layer(queries, keys, places.int())
    with pytest.raises(ShapeError, match=r"Spread expected a row \[B=3, 2\]"):
        Spread(2)(queries, torch.zeros(3, 4))
