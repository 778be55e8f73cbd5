"""Law: a word's vector is its own, wherever it stands and however often; padding takes no part."""

from __future__ import annotations

import pytest
import torch

from recurra.errors import DTypeError, ShapeError
from recurra.layers.bidirectional import Bidirectional
from recurra.layers.characters import Characters
from recurra.layers.gru import GRU


def made() -> Characters:
    torch.manual_seed(0)
    return Characters(6, Bidirectional(GRU(3, 2), GRU(3, 4)))


def test_a_word_is_read_both_ways_from_its_own_ends() -> None:
    layer = made()
    words = torch.tensor([[[1, 2, 3, 0], [4, 0, 0, 0]], [[4, 0, 0, 0], [1, 2, 3, 0]]])
    y, state = layer(words)
    assert y.shape == (2, 2, 6)
    vectors = layer.weight[torch.tensor([[1, 2, 3]])]
    ahead, _ = layer.encoder.forward_cell(vectors)
    back, _ = layer.encoder.backward_cell(vectors, reverse=True)
    expected = torch.cat((ahead[0, -1], back[0, 0]))
    torch.testing.assert_close(y[0, 0], expected)
    assert torch.equal(y[0, 0], y[1, 1])
    assert torch.equal(y[0, 1], y[1, 0])
    torch.testing.assert_close(layer.step(words[:, 1], state)[0], y[:, 1])
    assert set(layer.state_dict()) == set(layer.node.parameters())
    assert layer.initial_state(2) == state


def test_every_standing_of_a_word_pulls_its_weights() -> None:
    layer = made()
    words = torch.tensor([[[1, 0], [1, 0], [2, 0]]])
    layer(words)[0].sum().backward()
    thrice = layer.weight.grad.clone()
    layer.zero_grad()
    layer(words[:, :1])[0].sum().backward()
    torch.testing.assert_close(thrice[1], 2 * layer.weight.grad[1])
    assert not thrice[0].any()


def test_steps_that_do_not_count_may_hold_anything() -> None:
    layer = made()
    words = torch.tensor([[[1, 2], [99, -1]], [[0, 0], [3, 3]]])
    y, _ = layer(
        words, lengths=torch.tensor([1, 2]), valid=torch.tensor([[True, True], [True, False]])
    )
    assert not y[0, 1].any()
    # A word without characters: the cells' initial states.
    assert not y[1].any()
    assert layer(torch.zeros(2, 0, 3, dtype=torch.int64))[0].shape == (2, 0, 6)


def test_what_does_not_fit_is_refused() -> None:
    layer = made()
    with pytest.raises(ShapeError, match=r"Characters expected x \[B, T, W\], got \[2, 3\]"):
        layer(torch.zeros(2, 3, dtype=torch.int64))
    with pytest.raises(DTypeError, match="int64"):
        layer(torch.zeros(2, 3, 4))
    with pytest.raises(ShapeError, match=r"tokens in \[0, 6\), got 1 to 6"):
        layer(torch.tensor([[[1, 6]]]))
