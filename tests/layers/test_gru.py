"""The GRU layer is its published equations, gate by gate, in each of the three forms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.errors import SpecError
from recurra.layers import GRU


def by_hand(layer: GRU, x: Tensor, h: Tensor) -> Tensor:
    """The equations of `recurra.spec.cells.GRUCell`, one row and one step at a time."""
    sizes = dict.fromkeys(layer.node.gates, layer.node.hidden_size)
    W, U, b, c = (
        dict(zip(sizes, p.split(list(sizes.values())), strict=True)) for p in layer.parameters()
    )
    rows = []
    for x_row, h_row in zip(x, h, strict=True):
        outputs = []
        for x_t in x_row:
            z = torch.sigmoid(W["update"] @ x_t + b["update"] + U["update"] @ h_row + c["update"])
            new = W["candidate"] @ x_t + b["candidate"]
            if layer.node.reset == "none":
                n = torch.tanh(new + U["candidate"] @ h_row + c["candidate"])
            else:
                r = torch.sigmoid(W["reset"] @ x_t + b["reset"] + U["reset"] @ h_row + c["reset"])
                if layer.node.reset == "after":
                    n = torch.tanh(new + r * (U["candidate"] @ h_row + c["candidate"]))
                else:
                    n = torch.tanh(new + U["candidate"] @ (r * h_row) + c["candidate"])
            h_row = (1 - z) * h_row + z * n
            outputs.append(h_row)
        rows.append(torch.stack(outputs))
    return torch.stack(rows)


def layer_of(reset: Any) -> GRU:
    torch.manual_seed(3)
    layer = GRU(3, 4, reset=reset, dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return layer


@pytest.mark.parametrize("reset", ["after", "before", "none"])
def test_values_are_the_equations(reset: str) -> None:
    """Outputs and final state are those of a loop written from the equations."""
    layer = layer_of(reset)
    x, h = torch.randn(2, 5, 3).double(), torch.randn(2, 4).double()
    wanted = by_hand(layer, x, h)
    y, end = layer(x, layer.initial_state(2)._replace(h=h))
    torch.testing.assert_close(y, wanted, rtol=0, atol=1e-12)
    torch.testing.assert_close(end.h, wanted[:, -1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("reset", ["after", "before", "none"])
@pytest.mark.parametrize("parameter", ["input_weight", "recurrent_weight", "input_bias"])
def test_two_gates_swapped_are_noticed(reset: str, parameter: str) -> None:
    """Exchanging any two gates' rows of one parameter changes the outputs."""
    layer = layer_of(reset)
    x, h = torch.randn(2, 5, 3).double(), torch.randn(2, 4).double()
    wanted = by_hand(layer, x, h)
    blocks = getattr(layer, parameter).detach().clone().chunk(len(layer.node.gates))
    for swapped in [(1, 0, *range(2, len(blocks))), tuple(reversed(range(len(blocks))))]:
        with torch.no_grad():
            getattr(layer, parameter).copy_(torch.cat([blocks[k] for k in swapped]))
        y, _ = layer(x, layer.initial_state(2)._replace(h=h))
        assert (y - wanted).abs().max() > 1e-3


def test_activations_reach_the_right_places() -> None:
    """The candidate's activation and the gates' are each used where they belong."""
    layer = GRU(1, 1, activation="relu", gate_activation="hard_sigmoid", dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        # update is clip(1.5 / 6 + 0.5, 0, 1) = 0.75, candidate is relu(2 x).
        layer.input_bias.copy_(torch.tensor([0.0, 1.5, 0.0]))
        layer.input_weight.copy_(torch.tensor([[0.0], [0.0], [2.0]]))
    y, _ = layer(torch.tensor([[[5.0], [-5.0]]], dtype=torch.float64))
    torch.testing.assert_close(y.flatten(), torch.tensor([7.5, 1.875]).double())


def test_reset_is_one_of_three() -> None:
    """Another word is refused."""
    with pytest.raises(SpecError, match="reset must be one of after, before, none; got 'never'"):
        GRU(3, 4, reset="never")  # type: ignore[arg-type] # the wrong word is what is tested
