"""PyTorch -> ours -> PyTorch gives the same bits; a gate at its limit holds or takes exactly."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from recurra.convert import from_torch, to_torch
from recurra.errors import BackendError
from recurra.layers import GRU, LSTM, RNN, Bidirectional, Stack
from recurra.layers.abstract import AbstractRecurrent
from recurra.spec.state import flatten

sizes = st.integers(1, 5)


@st.composite
def torch_modules(draw: st.DrawFn) -> nn.RNNBase:
    """Any module that both sides can hold, its weights drawn wide, signed zeros among them."""
    kind = draw(st.sampled_from([nn.GRU, nn.LSTM, nn.RNN]))
    depth = draw(st.integers(1, 3))
    choices: dict[str, Any] = {
        "num_layers": depth,
        "bias": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "bidirectional": draw(st.booleans()),
        "dropout": draw(st.sampled_from([0.0, 0.5])) if depth > 1 else 0.0,
        "dtype": draw(st.sampled_from([torch.float32, torch.float64])),
    }
    if kind is nn.RNN:
        choices["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    torch.manual_seed(draw(st.integers(0, 2**31)))
    module = kind(draw(sizes), draw(sizes), **choices)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(10.0 ** torch.randint(-30, 30, parameter.shape))
            parameter[torch.rand_like(parameter) < 0.1] = -0.0
    return module


def bits(module: nn.Module) -> dict[str, bytes]:
    return {name: p.detach().numpy().tobytes() for name, p in module.state_dict().items()}


@given(torch_modules())
def test_there_and_back_is_the_identity(module: nn.RNNBase) -> None:
    """Every weight's bits, the names and the module's own choices come back."""
    ours = from_torch(module)
    back = to_torch(ours, batch_first=module.batch_first)
    assert type(back) is type(module)
    assert bits(back) == bits(module)
    assert repr(back) == repr(module)
    assert bits(from_torch(back)) == bits(ours)


@given(torch_modules())
def test_only_the_update_block_changes_its_sign(module: nn.RNNBase) -> None:
    """In ours every other number stands as it stood, in the same order."""
    ours = from_torch(module)
    pairs = zip(ours.state_dict().values(), module.state_dict().values(), strict=True)
    for mine, theirs in pairs:
        gates = 3 if isinstance(module, nn.GRU) else 1
        for k, (own, other) in enumerate(zip(mine.chunk(gates), theirs.chunk(gates), strict=True)):
            turned = -other if (gates, k) == (3, 1) else other
            assert own.numpy().tobytes() == turned.numpy().tobytes()


@st.composite
def layers(draw: st.DrawFn) -> AbstractRecurrent | Bidirectional | Stack:
    """Any layer of ours that PyTorch can hold."""
    kind = draw(st.sampled_from([GRU, LSTM, RNN]))
    bias, both = draw(st.booleans()), draw(st.booleans())
    width, hidden = draw(sizes), draw(sizes)
    torch.manual_seed(draw(st.integers(0, 2**31)))
    floors: list[Any] = []
    for _ in range(draw(st.integers(1, 3))):
        cells = [
            kind(width, hidden, bias=bias, input_init="uniform", recurrent_init="uniform")
            for _ in range(2 if both else 1)
        ]
        floors.append(Bidirectional(*cells) if both else cells[0])
        width = hidden * len(cells)
    return Stack(floors) if len(floors) > 1 else floors[0]


@given(layers())
def test_ours_to_pytorch_and_back_is_the_identity(layer: Any) -> None:
    """The same class, the same paths, the same bits."""
    back = from_torch(to_torch(layer))
    assert type(back) is type(layer)
    assert back.node == layer.node
    assert bits(back) == bits(layer)


def closed(layer: AbstractRecurrent, **biases: float) -> AbstractRecurrent:
    """The layer with gates forced shut (-1000) or open (1000), where its backend can compute it."""
    try:
        layer.why(torch.zeros(1, 1, layer.node.input_size, dtype=layer.input_weight.dtype))
    except BackendError as error:
        pytest.skip(f"reason: {error}")
    with torch.no_grad():
        rows = dict(
            zip(layer.node.gates, layer.input_bias.chunk(len(layer.node.gates)), strict=True)
        )
        for gate, value in biases.items():
            rows[gate].fill_(value)
    return layer


resets = pytest.mark.parametrize("reset", ["after", "before", "none"])
backends = pytest.mark.parametrize("backend", ["reference", "native", "torch"])


@resets
@backends
def test_update_zero_holds_the_state_to_the_bit(reset: Any, backend: Any) -> None:
    """z = 0: whatever comes in, h stays; z = 1: h is the candidate, the old h is gone from it.

    torch's own kernel writes the update the other way round and rounds once on the way.
    """
    torch.manual_seed(0)
    layer = GRU(3, 4, reset=reset, backend=backend, dtype=torch.float64)
    x, h = torch.randn(2, 5, 3).double(), torch.randn(2, 4).double()
    state = layer.initial_state(2)._replace(h=h)
    y, end = closed(layer, update=-1000.0)(x, state)
    rounding = 1e-15 if backend == "torch" else 0.0
    torch.testing.assert_close(end.h, h, rtol=rounding, atol=rounding)
    torch.testing.assert_close(y, h[:, None].expand_as(y), rtol=rounding, atol=rounding)
    with torch.no_grad():
        layer.recurrent_weight.zero_()
    y, _ = closed(layer, update=1000.0)(x, state)
    rows = slice(-4, None)
    candidate = torch.tanh(x @ layer.input_weight[rows].T + layer.input_bias[rows])
    torch.testing.assert_close(y, candidate, rtol=0, atol=1e-14)


@backends
def test_a_full_forget_gate_and_no_input_hold_the_cell(backend: Any) -> None:
    """f = 1 and i = 0 keep c to the bit; o = 0 silences h; f = 0 forgets."""
    torch.manual_seed(0)
    layer = LSTM(3, 4, backend=backend, dtype=torch.float64)
    x, start = torch.randn(2, 5, 3).double(), torch.randn(2, 2, 4).double()
    state = type(layer.initial_state(2))(*start)
    _, end = closed(layer, forget=1000.0, input=-1000.0, output=-1000.0)(x, state)
    assert torch.equal(end.c, start[1])
    assert end.h.abs().max() < 1e-30
    _, end = closed(layer, forget=-1000.0)(x, state)
    assert end.c.abs().max() < 1e-30


@resets
@backends
def test_a_closed_reset_gate_hides_the_state_from_the_candidate(reset: Any, backend: Any) -> None:
    """r = 0 and z = 1: the output does not depend on the state at all, where there is a reset."""
    torch.manual_seed(0)
    layer = GRU(3, 4, reset=reset, backend=backend, dtype=torch.float64)
    biases = {"update": 1000.0} | ({} if reset == "none" else {"reset": -1000.0})
    closed(layer, **biases)
    x, state = torch.randn(2, 1, 3).double(), layer.initial_state(2)
    moved = state._replace(h=torch.randn(2, 4).double())
    same = torch.allclose(layer(x, moved)[0], layer(x, state)[0], rtol=0, atol=1e-14)
    assert same == (reset != "none")


@given(torch_modules())
def test_the_state_of_both_has_the_same_slots(module: nn.RNNBase) -> None:
    """h_n and c_n of PyTorch, layer by layer and direction by direction, are ours."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.clamp_(-1, 1)
    module.eval()
    ours = from_torch(module)
    x = torch.linspace(-1, 1, 4 * module.input_size, dtype=next(module.parameters()).dtype)
    x = x.reshape(2, 2, module.input_size)
    _, end = ours(x)
    _, theirs = module(x if module.batch_first else x.transpose(0, 1))
    slots = dict(flatten(end))
    h_n = theirs[0] if isinstance(theirs, tuple) else theirs
    h = [slot for name, slot in slots.items() if name.split(".")[-1] == "h"]
    torch.testing.assert_close(torch.stack(h), h_n, rtol=1e-5, atol=1e-5)
