"""Embedding looks up rows at the steps that count; elsewhere the token may be any number."""

from __future__ import annotations

import pytest
import torch

from recurra.errors import DTypeError, ShapeError
from recurra.layers import Embedding


def test_tokens_become_rows_of_the_weight() -> None:
    """Whole and stepped."""
    layer = Embedding(5, 3)
    assert list(layer.state_dict()) == list(layer.node.parameters())
    tokens = torch.tensor([[4, 0], [1, 1]])
    y, state = layer(tokens)
    assert torch.equal(y, layer.weight[tokens])
    assert torch.equal(layer.step(tokens[:, 0], state)[0], layer.weight[tokens[:, 0]])
    y, _ = layer.step(torch.tensor([99, 1]), state, valid=torch.tensor([False, True]))
    assert torch.equal(y, torch.stack((torch.zeros(3), layer.weight[1])))


def test_tokens_at_skipped_steps_may_be_anything() -> None:
    """They give zeros and pull no weight, token 0's neither."""
    layer = Embedding(5, 3)
    tokens = torch.tensor([[4, -7, 2], [1, 10**12, 10**12]])
    valid = torch.tensor([[True, False, True], [True, True, True]])
    y, _ = layer(tokens, lengths=torch.tensor([3, 1]), valid=valid)
    assert not y[0, 1].any()
    assert not y[1, 1:].any()
    gradient = torch.autograd.grad(y.sum(), layer.weight)[0]
    assert gradient.sum(1).tolist() == [0.0, 3.0, 3.0, 0.0, 3.0]


@pytest.mark.parametrize("token", [-1, 5])
def test_a_token_out_of_range_is_refused(token: int) -> None:
    """At a step that counts, with the range and what came."""
    with pytest.raises(ShapeError, match=rf"tokens in \[0, 5\), got {min(token, 2)} to"):
        Embedding(5, 3)(torch.tensor([[2, token]]))


def test_what_does_not_fit_is_refused() -> None:
    """Axes and dtype of the tokens; no token at all is fine."""
    layer = Embedding(5, 3)
    with pytest.raises(ShapeError, match=r"tokens \[B, T\]"):
        layer(torch.zeros(2, 3, 4, dtype=torch.int64))
    with pytest.raises(DTypeError, match="int64"):
        layer(torch.zeros(2, 3))
    assert layer(torch.zeros(2, 0, dtype=torch.int64))[0].shape == (2, 0, 3)


def test_vectors_begin_with_expected_length_one() -> None:
    """N(0, 1 / size) in every place."""
    torch.manual_seed(0)
    weight = Embedding(200, 100).weight
    assert weight.var().item() == pytest.approx(0.01, rel=0.07)
    assert weight.square().sum(1).mean().item() == pytest.approx(1.0, rel=0.07)


def test_it_compiles_into_one_graph() -> None:
    """torch.compile(fullgraph=True) takes it; the range is looked at in eager mode only."""
    layer, tokens = Embedding(5, 3), torch.tensor([[4, 0], [1, 77]])
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    lengths = torch.tensor([2, 1])
    assert torch.equal(compiled(tokens, lengths=lengths)[0], layer(tokens, lengths=lengths)[0])
