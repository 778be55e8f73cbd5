"""A convolution is PyTorch's with zeros before it, over the steps that count and no others."""

import pytest
import torch

from recurra.errors import ShapeError, StateError
from recurra.layers.convolution import Convolution


def layer(width: int = 3) -> Convolution:
    torch.manual_seed(0)
    made = Convolution(2, 4, width=width, activation="tanh", dtype=torch.float64)
    torch.nn.init.normal_(made.bias)
    return made


@pytest.mark.parametrize("width", [1, 2, 5])
def test_it_is_pytorchs_convolution(width: int) -> None:
    made = layer(width)
    x = torch.randn(3, 6, 2, dtype=torch.float64)
    kernel = made.weight.view(4, width, 2).transpose(1, 2)
    padded = torch.nn.functional.pad(x.transpose(1, 2), (width - 1, 0))
    wanted = torch.tanh(torch.nn.functional.conv1d(padded, kernel, made.bias)).transpose(1, 2)
    torch.testing.assert_close(made(x)[0], wanted)


def test_skipped_steps_are_left_out_of_the_windows() -> None:
    made = layer()
    x = torch.randn(1, 6, 2, dtype=torch.float64)
    valid = torch.tensor([[True, False, True, True, False, True]])
    y, state = made(torch.where(valid[:, :, None], x, torch.nan), valid=valid)
    dense, end = made(x[:, valid[0]])
    torch.testing.assert_close(y[:, valid[0]], dense)
    assert not y[:, ~valid[0]].any()
    torch.testing.assert_close(state.recent, end.recent)


def test_a_start_forgets() -> None:
    made = layer()
    x = torch.randn(2, 7, 2, dtype=torch.float64)
    starts = torch.zeros(2, 7, dtype=torch.bool)
    starts[0, 3] = True
    y, state = made(x, starts=starts)
    torch.testing.assert_close(y[0, 3:], made(x[:1, 3:])[0][0])
    torch.testing.assert_close(y[1], made(x[1:])[0][0])
    torch.testing.assert_close(state.recent, x[:, 5:])


def test_padding_reaches_no_output_and_no_gradient() -> None:
    made = layer()
    found = []
    for filler in (0.0, float("nan")):
        torch.manual_seed(1)
        x = torch.randn(2, 5, 2, dtype=torch.float64)
        x[1, 2:] = filler
        x.requires_grad_()
        y, state = made(x, lengths=torch.tensor([5, 2]))
        parameters = tuple(made.parameters())
        found.append((y, state.recent, torch.autograd.grad(y.sum(), (x, *parameters))))
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=0)


def test_no_step_at_all_keeps_the_state() -> None:
    made = layer()
    _, state = made(torch.randn(2, 4, 2, dtype=torch.float64))
    y, end = made(torch.zeros(2, 0, 2, dtype=torch.float64), state, lengths=torch.tensor([0, 0]))
    assert y.shape == (2, 0, 4)
    torch.testing.assert_close(end.recent, state.recent)


def test_what_does_not_fit_is_refused() -> None:
    made = layer()
    x = torch.zeros(2, 4, 2, dtype=torch.float64)
    with pytest.raises(ShapeError, match=r"Convolution expected x \[B, T, I=2\]"):
        made(x[:, :, :1])
    with pytest.raises(ShapeError, match="recent"):
        made(x, layer(5).initial_state(2))
    with pytest.raises(StateError):
        made(x, 3)
