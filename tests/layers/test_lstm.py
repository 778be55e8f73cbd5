"""The LSTM layer is its published equations, gate by gate."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recurra.layers import LSTM
from recurra.spec.state import LSTMState


def by_hand(layer: LSTM, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The equations of `recurra.spec.cells.LSTMCell`, one step at a time."""
    W, U, b, d = layer.parameters()
    outputs = []
    for x_t in x.unbind(1):
        i, f, g, o = (x_t @ W.T + b + h @ U.T + d).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs, 1), c


def layer_and_state() -> tuple[LSTM, Tensor, LSTMState[Tensor]]:
    torch.manual_seed(3)
    layer = LSTM(3, 4, dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn_like(parameter))
    h, c = torch.randn(2, 2, 4).double()
    return layer, torch.randn(2, 5, 3).double(), LSTMState(h, c)


def test_values_are_the_equations() -> None:
    """Outputs and both final states are those of a loop written from the equations."""
    layer, x, state = layer_and_state()
    wanted, c = by_hand(layer, x, *state)
    y, end = layer(x, state)
    torch.testing.assert_close(y, wanted, rtol=0, atol=1e-12)
    torch.testing.assert_close(end, LSTMState(wanted[:, -1], c), rtol=0, atol=1e-12)


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
def test_two_gates_swapped_are_noticed(pair: tuple[int, int]) -> None:
    """Exchanging any two gates' rows of the recurrent weight changes the outputs."""
    layer, x, state = layer_and_state()
    wanted, _ = by_hand(layer, x, *state)
    blocks = list(layer.recurrent_weight.detach().clone().chunk(4))
    blocks[pair[0]], blocks[pair[1]] = blocks[pair[1]], blocks[pair[0]]
    with torch.no_grad():
        layer.recurrent_weight.copy_(torch.cat(blocks))
    assert (layer(x, state)[0] - wanted).abs().max() > 1e-3


def test_zoneout_of_c_is_its_own() -> None:
    """zoneout_cell holds c and leaves h's own step alone; at inference it is the expectation."""
    layer, x, state = layer_and_state()
    held = LSTM(3, 4, zoneout_cell=0.4, dtype=torch.float64).eval()
    held.load_state_dict(layer.state_dict())
    plain, end = layer(x[:, :1], state)
    y, held_end = held(x[:, :1], state)
    torch.testing.assert_close(held_end.c, state.c + 0.6 * (end.c - state.c), rtol=0, atol=1e-12)
    # Krueger et al. take the output from the new cell state, not from the one that was held.
    assert torch.equal(y, plain)


def test_zoneout_of_c_draws_in_training() -> None:
    """About the stated share of the units of c keep their value exactly."""
    torch.manual_seed(0)
    layer = LSTM(3, 400, zoneout_cell=0.3)
    state = LSTMState(torch.randn(10, 400), torch.randn(10, 400))
    _, end = layer(torch.randn(10, 1, 3), state)
    # 4,000 draws: four standard deviations of the share are 0.029.
    assert abs((end.c == state.c).double().mean().item() - 0.3) < 0.029
    assert (end.h == state.h).sum() == 0
