"""A Bidirectional is two cells, the second over each row's own steps from its end."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from recurra.errors import SpecError, StateError
from recurra.layers import GRU, LSTM, RNN, Bidirectional, Stack
from recurra.layers.abstract import AbstractRecurrent

PAIRS = [(GRU, GRU), (LSTM, LSTM), (GRU, LSTM)]


def pair_of(
    forward: type[AbstractRecurrent], backward: type[AbstractRecurrent]
) -> tuple[Bidirectional, Tensor]:
    torch.manual_seed(4)
    cells = [
        cell(3, size, learn_initial_state=True, dtype=torch.float64)
        for cell, size in ((forward, 4), (backward, 5))
    ]
    with torch.no_grad():
        for cell in cells:
            for parameter in cell.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
    return Bidirectional(*cells), torch.randn(3, 6, 3).double()


@pytest.mark.parametrize("pair", PAIRS)
def test_each_row_is_read_from_its_own_end(pair: tuple[type, type]) -> None:
    """The second half of y is the backward cell over the row turned round, within its length."""
    layer, x = pair_of(*pair)
    lengths = [6, 0, 4]
    y, end = layer(x, lengths=torch.tensor(lengths))
    assert y.shape == (3, 6, 9)
    for k, length in enumerate(lengths):
        row = x[k : k + 1, :length]
        ahead, ahead_end = layer.forward_cell(row)
        back, back_end = layer.backward_cell(row.flip(1))
        wanted = torch.cat((ahead, back.flip(1)), 2)
        torch.testing.assert_close(y[k : k + 1, :length], wanted, rtol=0, atol=1e-12)
        assert not y[k, length:].any()
        torch.testing.assert_close(end.forward.h[k], ahead_end.h[0], rtol=0, atol=1e-12)
        torch.testing.assert_close(end.backward.h[k], back_end.h[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("pair", PAIRS)
def test_segments_do_not_see_one_another(pair: tuple[type, type]) -> None:
    """With a start in the middle both halves are sequences of their own, in both directions."""
    layer, x = pair_of(*pair)
    starts = torch.zeros(3, 6, dtype=torch.bool)
    starts[:, 2] = True
    y, _ = layer(x, starts=starts)
    apart = torch.cat((layer(x[:, :2])[0], layer(x[:, 2:])[0]), 1)
    torch.testing.assert_close(y, apart, rtol=0, atol=1e-12)


@pytest.mark.parametrize("pair", PAIRS)
def test_skipped_steps_reach_nothing(pair: tuple[type, type]) -> None:
    """NaN at padding and invalid steps changes no output and no gradient, from either side."""
    layer, x = pair_of(*pair)
    lengths, valid = torch.tensor([6, 5, 3]), torch.ones(3, 6, dtype=torch.bool)
    valid[0, 3] = False
    results = []
    for filler in (0.0, float("nan")):
        filled = x.clone()
        filled[0, 3], filled[1, 5:], filled[2, 3:] = filler, filler, filler
        filled.requires_grad_()
        y, _ = layer(filled, lengths=lengths, valid=valid)
        # A learnt initial state that no start reads gets its gradient through the rows' begins.
        results.append((y, torch.autograd.grad(y.square().sum(), (filled, *layer.parameters()))))
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=1e-12)


def test_it_has_no_step_and_says_why() -> None:
    """Neither a Bidirectional nor a Stack that holds one has the attribute `step`."""
    layer, _ = pair_of(GRU, GRU)
    for module in (layer, Stack([layer, RNN(9, 2)])):
        assert not hasattr(module, "step")
        assert "last step" in str(module.why_not_streaming())
        with pytest.raises(AttributeError, match=r"has no step: the backward direction begins at"):
            _ = module.step
        with pytest.raises(AttributeError, match="nonsense"):
            _ = module.nonsense


def test_state_dict_has_the_node_s_paths() -> None:
    """Saved under the node's paths, loaded from them, in copies and inside other modules too."""
    layer, x = pair_of(GRU, LSTM)
    assert list(layer.state_dict()) == list(layer.node.parameters())
    twin, other = copy.deepcopy(layer), pair_of(GRU, LSTM)[0]
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    holder = torch.nn.ModuleDict({"inner": twin})
    holder.load_state_dict({f"inner.{name}": p for name, p in layer.state_dict().items()})
    assert torch.equal(twin(x)[0], layer(x)[0])
    assert torch.equal(other(x)[0], layer(x)[0])
    incomplete = {n: p for n, p in layer.state_dict().items() if n != "backward.input_bias"}
    with pytest.raises(RuntimeError, match=r"backward_cell\.input_bias"):
        twin.load_state_dict(incomplete)
    with pytest.raises(RuntimeError, match=r"forward_cell\.extra"):
        twin.load_state_dict(layer.state_dict() | {"forward.extra": torch.zeros(1)})


def test_torch_func_reaches_both_directions() -> None:
    """functional_call takes the weights by the names of `named_parameters`."""
    layer, x = pair_of(GRU, GRU)
    weights = {name: torch.zeros_like(p) for name, p in layer.named_parameters()}
    assert not torch.func.functional_call(layer, weights, (x,))[0].any()


def test_it_compiles_into_one_graph() -> None:
    """torch.compile(fullgraph=True) gives the same values."""
    layer, x = pair_of(GRU, LSTM)
    x, lengths = x[:, :3], torch.tensor([3, 0, 2])
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, lengths=lengths), layer(x, lengths=lengths))


def test_why_answers_for_each_direction() -> None:
    """One answer a direction, for the very call."""
    layer, x = pair_of(GRU, LSTM)
    answers = layer.why(x, layer.initial_state(3), lengths=torch.tensor([3, 0, 2]))
    assert list(answers) == ["forward", "backward"]
    assert all(answer.backend for answer in answers.values())


def test_what_does_not_fit_is_refused() -> None:
    """Other modules, unequal inputs, one cell twice, and another layer's state."""
    layer, x = pair_of(GRU, GRU)
    with pytest.raises(SpecError, match="backward to be a GRU, LSTM, RNN or MinGRU, got Bid"):
        Bidirectional(GRU(3, 4), layer)  # type: ignore[arg-type] # the wrong type is what is tested
    with pytest.raises(SpecError, match="forward takes I=3, backward I=4"):
        Bidirectional(GRU(3, 4), GRU(4, 4))
    cell = GRU(3, 4)
    with pytest.raises(SpecError, match="same cell for both directions"):
        Bidirectional(cell, cell)
    with pytest.raises(StateError, match="Bidirectional expected a state BidirectionalState"):
        layer(x, cell.initial_state(3))
