"""The temporal convolution is Bai's: dilated, causal, of the stated reach, weight-normalised."""

from typing import Any

import pytest
import torch
from torch.nn import functional

from recurra.spec.cells import GRUCell
from recurra.train.rival_tcn import TCN, levels_for, reach_of

NODE = GRUCell(input_size=3, hidden_size=5)


def tcn(
    levels: int, *, causal: bool = True, dropout: float = 0.0, variational: bool = False
) -> TCN:
    torch.manual_seed(0)
    choices = {"dropout": dropout, "variational": variational}
    layer = TCN(NODE, 3, 5, levels=levels, causal=causal, carried=False, **choices)  # type: ignore[arg-type]  # as each test says
    return layer.double()


def test_it_is_pytorchs_convolution() -> None:
    layer = tcn(2)
    x = torch.randn(2, 11, 3, dtype=torch.float64)
    h = x.mT
    blocks: Any = layer.blocks
    for k, block in enumerate(blocks):
        around = block.around(h.mT).mT
        u = h
        for c in (block.first, block.second):
            taps = c.weight.reshape(len(c.weight), 3, -1)
            weight = torch._weight_norm(taps, c.gain[:, None, None], 0)
            # Tap k reads k steps back: PyTorch's kernel runs the other way round.
            kernel = weight.flip(1).mT.contiguous()
            u = functional.pad(u, (2 * 2**k, 0))
            u = torch.relu(functional.conv1d(u, kernel, c.bias, dilation=2**k))
        h = torch.relu(u + around)
    torch.testing.assert_close(layer(x)[0], h.mT)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_an_output_sees_what_is_said(levels: int) -> None:
    layer, reach = tcn(levels), reach_of(levels)
    x = torch.randn(1, reach + 4, 3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x)[0][0, -1].abs().sum(), x)
    seen = gradient[0].abs().sum(1) > 0
    assert not seen[:4].any()
    assert seen[4]


def test_the_reach_covers_the_sequence() -> None:
    assert [levels_for(steps) for steps in (1, 5, 6, 13, 14, 29, 1000)] == [1, 1, 2, 2, 3, 3, 8]
    assert levels_for(10**9) == 12


def test_both_ways_sees_later_steps_too() -> None:
    layer = tcn(2, causal=False)
    x = torch.randn(1, 9, 3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x)[0][0, 4].abs().sum(), x)
    assert gradient[0, 5:].abs().sum() > 0
    assert gradient[0, :4].abs().sum() > 0


def test_spatial_dropout_drops_whole_channels() -> None:
    layer = tcn(1, dropout=0.5, variational=True)
    x = torch.randn(1, 40, 3, dtype=torch.float64)
    torch.manual_seed(1)
    first, again = layer(x)[0], layer(x)[0]
    assert not torch.equal(first, again)
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])
