"""The Transformer is PyTorch's pre-norm encoder with the paper's positions."""

import math
from typing import Any

import torch
from torch import nn

from recurra.spec.cells import GRUCell
from recurra.train.rival_transformer import Transformer, positions

W = 8
NODE = GRUCell(input_size=3, hidden_size=W)


def transformer(*, causal: bool, width: int = W) -> Transformer:
    torch.manual_seed(0)
    layer = Transformer(
        NODE, 3, width, layers=2, causal=causal, context=0, dropout=0.0, variational=False
    )
    return layer.double()


def test_it_is_pytorchs_encoder() -> None:
    layer, x = transformer(causal=True), torch.randn(2, 7, 3, dtype=torch.float64)
    h = layer.enter(x) + positions(7, W, x)
    unseen = torch.ones(7, 7, dtype=torch.bool).triu(1)
    blocks: Any = layer.blocks
    for block in blocks:
        theirs = nn.TransformerEncoderLayer(
            W, 4, 4 * W, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        ).double()
        for mine, name in (
            (block.asked.weight, "self_attn.in_proj_weight"),
            (block.asked.bias, "self_attn.in_proj_bias"),
            (block.answered.weight, "self_attn.out_proj.weight"),
            (block.answered.bias, "self_attn.out_proj.bias"),
            (block.wide.weight, "linear1.weight"),
            (block.wide.bias, "linear1.bias"),
            (block.narrow.weight, "linear2.weight"),
            (block.narrow.bias, "linear2.bias"),
        ):
            theirs.get_parameter(name).data.copy_(mine.data)
        h = theirs(h, src_mask=unseen)
    torch.testing.assert_close(layer(x)[0], layer.norm(h))


def test_positions_are_the_papers() -> None:
    found = positions(4, 5, torch.zeros((), dtype=torch.float64))
    for t in range(4):
        for i in range(5):
            angle = t / 10000 ** (2 * (i // 2) / 5)
            assert math.isclose(found[t, i], (math.sin, math.cos)[i % 2](angle), abs_tol=1e-12)


def test_only_a_causal_one_reads_no_later_step() -> None:
    for causal in (True, False):
        layer = transformer(causal=causal)
        x = torch.randn(1, 6, 3, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(layer(x)[0][0, 2, 0], x)
        assert bool((gradient[0, 3:] != 0).any()) is not causal
        assert (gradient[0, :3] != 0).any()


def test_any_width_has_four_heads() -> None:
    layer = transformer(causal=True, width=7)
    assert layer(torch.randn(1, 4, 3, dtype=torch.float64))[0].shape == (1, 4, 7)
