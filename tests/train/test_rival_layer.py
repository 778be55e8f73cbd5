"""A rival reads its own sequence only: padding, neighbours and what came before change nothing."""

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.errors import SpecError
from recurra.spec.cells import GRUCell
from recurra.train.rival_layer import AbstractRival
from recurra.train.rival_tcn import TCN
from recurra.train.rival_transformer import Transformer

SIZE, W = 3, 8
NODE = GRUCell(input_size=SIZE, hidden_size=W)


def tcn(*, causal: bool = True, carried: bool = False) -> AbstractRival:
    torch.manual_seed(0)
    layer = TCN(
        NODE, SIZE, W, levels=2, causal=causal, carried=carried, dropout=0.0, variational=False
    )
    return layer.double()


def transformer(*, causal: bool = True, context: int = 0) -> AbstractRival:
    torch.manual_seed(0)
    layer = Transformer(
        NODE, SIZE, W, layers=2, causal=causal, context=context, dropout=0.0, variational=False
    )
    return layer.double()


def inputs(batch: int = 2, time: int = 12) -> Tensor:
    return torch.randn(batch, time, SIZE, generator=torch.Generator().manual_seed(1)).double()


ALL = [tcn, transformer, lambda: tcn(causal=False), lambda: transformer(causal=False)]


@pytest.mark.parametrize("make", ALL)
def test_padding_and_neighbours_change_nothing(make: Any) -> None:
    layer, x = make(), inputs()
    lengths = torch.tensor([12, 7])
    alone, _ = layer(x[1:, :7])
    padded = x.clone()
    padded[1, 7:] = float("nan")
    together, _ = layer(padded, lengths=lengths)
    torch.testing.assert_close(together[1, :7], alone[0])
    assert (together[1, 7:] == 0).all()
    assert torch.isfinite(layer(padded, lengths=torch.tensor([12, 0]))[0]).all()


@pytest.mark.parametrize("make", [tcn, lambda: tcn(causal=False)])
def test_a_sequence_that_starts_reads_nothing_before_it(make: Any) -> None:
    layer, x = make(), inputs(1)
    starts = torch.zeros(1, 12, dtype=torch.bool)
    starts[0, 5] = True
    y, _ = layer(x, starts=starts)
    torch.testing.assert_close(y[:, :5], layer(x[:, :5])[0])
    torch.testing.assert_close(y[:, 5:], layer(x[:, 5:])[0])


def test_attention_stops_where_a_sequence_starts() -> None:
    layer, x = transformer(causal=False), inputs(1).requires_grad_()
    starts = torch.zeros(1, 12, dtype=torch.bool)
    starts[0, 5] = True
    y, _ = layer(x, starts=starts)
    (gradient,) = torch.autograd.grad(y[0, 5:, 0].sum(), x)
    assert (gradient[0, :5] == 0).all()
    assert (gradient[0, 5:] != 0).any()


@pytest.mark.parametrize("cut", [1, 4, 9])
def test_windows_that_follow_one_another_are_the_whole(cut: int) -> None:
    """A convolution sees 13 steps: the state holds all that a later window can read."""
    layer, x = tcn(carried=True), inputs(2, 20)
    whole, end = layer(x)
    first, state = layer(x[:, :cut])
    second, after = layer(x[:, cut:], state)
    torch.testing.assert_close(torch.cat((first, second), 1), whole)
    for one, other in zip(after, end, strict=True):
        assert torch.equal(one, other)


def test_rows_of_other_lengths_keep_their_own_last_steps() -> None:
    layer, x = tcn(carried=True), inputs(2, 20)
    _, state = layer(x[:, :9], lengths=torch.tensor([9, 4]))
    rest = torch.stack((x[0, 9:15], x[1, 4:10]))
    y, _ = layer(rest, state)
    torch.testing.assert_close(y[1], layer(x[1:, :10])[0][0, 4:])


def test_attention_reads_the_window_before() -> None:
    layer, x = transformer(context=6), inputs(1, 12).requires_grad_()
    _, state = layer(x[:, :6])
    y, _ = layer(x[:, 6:], state)
    (gradient,) = torch.autograd.grad(y[0, 0, 0], x)
    assert (gradient[0, 1:7] != 0).any()
    starts = torch.zeros(1, 6, dtype=torch.bool)
    starts[0, 0] = True
    y, _ = layer(x[:, 6:], layer(x[:, :6])[1], starts=starts)
    (gradient,) = torch.autograd.grad(y[0, :, 0].sum(), x)
    assert (gradient[0, :6] == 0).all()


def test_a_step_cannot_be_skipped_nor_run_alone() -> None:
    layer, x = tcn(), inputs()
    with pytest.raises(SpecError, match="TCN reads whole windows"):
        layer(x, valid=torch.ones(2, 12, dtype=torch.bool))
    with pytest.raises(AttributeError, match="reads a window of steps at once"):
        layer.step  # noqa: B018 - asking for it is the test
