"""Every call of every recurrent layer is written down as it was made, and nothing stays behind."""

from __future__ import annotations

import pytest
import torch

from recurra.explain.calls import recorded
from recurra.layers import GRU, GRUD, LSTM, Bidirectional, Stack


def test_each_call_by_its_path() -> None:
    stack = Stack([Bidirectional(GRU(2, 3), GRU(2, 3)), LSTM(6, 4)])
    x, lengths = torch.randn(2, 5, 2), torch.tensor([5, 3])
    with recorded(stack) as calls:
        assert not stack.training
        y, end = stack(x, lengths=lengths)
    assert set(calls) == {"layers.0.forward_cell", "layers.0.backward_cell", "layers.1"}
    (back,), (top,) = calls["layers.0.backward_cell"], calls["layers.1"]
    assert back.reverse
    assert not top.reverse
    assert torch.equal(back.inputs[0], x)
    assert torch.equal(back.steps["lengths"], lengths)
    assert torch.equal(top.ends[0], y)
    assert torch.equal(top.ends[2], end.layers[1].c)
    assert stack.training
    stack(x)
    assert len(calls["layers.1"]) == 1


def test_modes_come_back_one_by_one_also_after_an_error() -> None:
    stack = Stack([GRU(2, 3), GRU(3, 3)])
    stack.layers[0].eval()
    with pytest.raises(ZeroDivisionError), recorded(stack):
        raise ZeroDivisionError
    assert [layer.training for layer in stack.layers] == [False, True]
    assert not any(layer._forward_hooks for layer in stack.layers)


def test_a_grud_is_one_layer_with_three_inputs() -> None:
    layer = GRUD(GRU(4, 3))
    x, observed, elapsed = torch.randn(1, 5, 2), torch.ones(1, 5, 2), torch.ones(1, 5, 1)
    with recorded(layer) as calls:
        layer(x, observed, elapsed=elapsed)
    assert set(calls) == {""}
    assert [list(array.shape) for array in calls[""][0].inputs] == [[1, 5, 2], [1, 5, 2], [1, 5, 1]]
    assert calls[""][0].state is None


def test_a_state_may_be_given_by_place_or_by_name() -> None:
    layer, x = GRU(2, 3), torch.randn(1, 4, 2)
    state = layer.initial_state(1)
    with recorded(layer) as calls:
        layer(x, state)
        layer(x=x, state=state)
    assert all(call.state is state for call in calls[""])
    assert all(torch.equal(call.inputs[0], x) for call in calls[""])
