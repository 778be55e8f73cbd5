"""A Stack is its layers in turn, with what stands between them."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from recurra.errors import ShapeError, SpecError, StateError
from recurra.layers import GRU, LSTM, RNN, Bidirectional, Linear, Stack
from recurra.spec.state import StackState


def three(**more: object) -> Stack:
    torch.manual_seed(5)
    layers = [GRU(3, 4), LSTM(4, 4, learn_initial_state=True), RNN(4, 2)]
    return Stack(layers, **more).double()  # type: ignore[arg-type] # passed on as they come


def inputs() -> Tensor:
    torch.manual_seed(6)
    return torch.randn(3, 6, 3).double()


def test_it_is_its_layers_in_turn() -> None:
    """Outputs and states are those of the layers called one after another."""
    stack, x = three(), inputs()
    lengths = torch.tensor([6, 2, 0])
    y, end = stack(x, lengths=lengths)
    ends = []
    for layer in stack.layers:
        x, state = layer(x, lengths=lengths)
        ends.append(state)
    assert torch.equal(y, x)
    torch.testing.assert_close(end, StackState(tuple(ends)), rtol=0, atol=0)


@pytest.mark.parametrize("residual", [False, True])
def test_steps_and_chunks_are_the_whole(residual: bool) -> None:
    """The same outputs and state come from one call, from chunks and from single steps."""
    stack, x = three(residual=residual), inputs()
    valid, starts = torch.rand(3, 6) < 0.7, torch.rand(3, 6) < 0.3
    whole, end = stack(x, valid=valid, starts=starts)
    first, state = stack(x[:, :2], valid=valid[:, :2], starts=starts[:, :2])
    rest, state = stack(x[:, 2:], state, valid=valid[:, 2:], starts=starts[:, 2:])
    torch.testing.assert_close(torch.cat((first, rest), 1), whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(state, end, rtol=0, atol=1e-12)
    state = stack.initial_state(3)
    for t in range(6):
        y, state = stack.step(x[:, t], state, valid=valid[:, t], starts=starts[:, t])
        torch.testing.assert_close(y, whole[:, t], rtol=0, atol=1e-12)


def test_residual_adds_where_widths_agree() -> None:
    """The input of a layer is added to its output when both have the same width, else not."""
    stack, x = three(residual=True), inputs()
    y = stack.layers[0](x)[0]
    y = y + stack.layers[1](y)[0]
    y = stack.layers[2](y)[0]
    assert torch.equal(stack(x)[0], y)


def test_residual_reads_nothing_at_skipped_steps() -> None:
    """NaN at skipped steps reaches no output and no gradient past the shortcut either."""
    torch.manual_seed(0)
    stack = Stack([GRU(3, 3), GRU(3, 3)], residual=True).double()
    lengths, valid = torch.tensor([6, 4, 0]), torch.ones(3, 6, dtype=torch.bool)
    valid[0, 2] = False
    results = []
    for filler in (0.0, float("nan")):
        x = inputs()
        x[0, 2], x[1, 4:], x[2] = filler, filler, filler
        x.requires_grad_()
        y, end = stack(x, lengths=lengths, valid=valid)
        results.append((y, end, torch.autograd.grad(y.sum(), (x, *stack.parameters()))))
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=1e-14)
    y = results[0][0]
    assert not y[1, 4:].any()
    assert not y[2].any()


def dropped(variational: bool) -> tuple[Tensor, Tensor]:
    """What a second layer that adds up its inputs makes of a first that puts out ones."""
    size = 200
    first = RNN(size, size, activation="relu")
    second = RNN(size, size, activation="identity")
    with torch.no_grad():
        for layer in (first, second):
            for parameter in layer.parameters():
                parameter.zero_()
            layer.input_weight.copy_(torch.eye(size))
    stack = Stack([first, second], dropout=0.25, variational=variational)
    x = torch.ones(4, 10, size)
    y, _ = stack(x)
    assert torch.equal(stack.eval()(x)[0], x)
    return y, x


def test_plain_dropout_draws_each_step() -> None:
    """Between the layers a quarter is dropped, the rest scaled by 4/3, anew at every step."""
    torch.manual_seed(0)
    y, x = dropped(variational=False)
    assert set(y.unique().tolist()) == {0.0, torch.tensor(4 / 3).item()}
    # 8,000 draws: five standard deviations of the share are 0.024.
    assert (y == 0).double().mean().item() == pytest.approx(0.25, abs=0.024)
    assert not torch.equal(y[:, 0], y[:, 1])
    assert x.shape == y.shape


def test_variational_dropout_draws_each_sequence() -> None:
    """One draw for all steps of a row, another one for the next row."""
    torch.manual_seed(0)
    y, _ = dropped(variational=True)
    assert set(y.unique().tolist()) == {0.0, torch.tensor(4 / 3).item()}
    assert torch.equal(y, y[:, :1].expand_as(y))
    assert not torch.equal(y[0], y[1])


def test_nothing_is_dropped_after_the_last_layer() -> None:
    """A stack of one layer with dropout is the layer."""
    layer = GRU(3, 40)
    x = inputs().float()
    assert torch.equal(Stack([layer], dropout=0.9)(x)[0], layer(x)[0])


def test_it_is_an_ordinary_module() -> None:
    """State dicts have the node's paths; copies are apart."""
    stack, x = three(), inputs()
    both = Stack([Bidirectional(GRU(3, 4), GRU(3, 5)), RNN(9, 2)])
    for module in (stack, both):
        assert list(module.state_dict()) == list(module.node.parameters())
        twin = copy.deepcopy(module)
        for parameter in twin.parameters():
            torch.nn.init.zeros_(parameter)
        twin.load_state_dict(module.state_dict())
        same = x.to(next(module.parameters()).dtype)
        assert torch.equal(twin(same)[0], module(same)[0])


def test_it_compiles_into_one_graph() -> None:
    """torch.compile(fullgraph=True) takes a stack with everything in it."""
    torch.manual_seed(0)
    both = Bidirectional(GRU(3, 2), LSTM(3, 2))
    stack = Stack([both, RNN(4, 4)], dropout=0.5, variational=True, residual=True)
    x, lengths = torch.randn(2, 3, 3), torch.tensor([3, 1])
    assert torch.compile(stack, fullgraph=True, backend="aot_eager")(x)[0].shape == (2, 3, 4)
    stack.eval()
    compiled = torch.compile(stack, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, lengths=lengths), stack(x, lengths=lengths))


def test_why_answers_for_each_layer() -> None:
    """One answer a layer, with the widths that each layer meets."""
    stack, x = three(), inputs()
    assert len(stack.why(x, lengths=torch.tensor([1, 2, 3]))) == 3


def test_what_does_not_fit_is_refused() -> None:
    """No layers, other modules, sizes that do not chain, and another layer's state."""
    stack, x = three(), inputs()
    with pytest.raises(SpecError, match="at least one layer"):
        Stack([])
    with pytest.raises(SpecError, match="got Linear"):
        Stack([GRU(3, 4), Linear(4, 4)])  # type: ignore[list-item] # the wrong type is tested
    with pytest.raises(SpecError, match="layer 1: gru expected"):
        Stack([GRU(3, 4), GRU(5, 4)])
    with pytest.raises(SpecError, match="dropout must be in"):
        Stack([GRU(3, 4)], dropout=1.0)
    cell = GRU(4, 4)
    with pytest.raises(SpecError, match="the same layer twice"):
        Stack([cell, cell])
    with pytest.raises(StateError, match="Stack expected a state StackState"):
        stack(x, cell.initial_state(3))
    with pytest.raises(StateError, match="states of 3 layers, got 2"):
        stack(x, StackState(stack.initial_state(3).layers[:2]))
    with pytest.raises(ShapeError, match=r"GRU expected x \[B, T, I=3\]"):
        stack(x[:, :, :2])
    with pytest.raises(ShapeError, match=r"Stack.step expected x_t \[B, I=3\]"):
        stack.step(x, None)
