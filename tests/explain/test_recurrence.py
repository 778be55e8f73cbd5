"""Step by step a call has the states of the whole, and its gradients are autograd's."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from recurra.errors import SpecError
from recurra.explain.recurrence import Recurrence
from recurra.layers import GRU, LSTM, Stack


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cell", [GRU, LSTM])
def test_states_are_those_of_the_call(cell: Any, reverse: bool) -> None:
    torch.manual_seed(0)
    layer = cell(2, 3, learn_initial_state=True, dtype=torch.float64)
    x, lengths = torch.randn(3, 6, 2).double(), torch.tensor([6, 2, 0])
    starts = torch.rand(3, 6) < 0.4
    y, end = layer(x, lengths=lengths, starts=starts, reverse=reverse)
    run = Recurrence(layer, (x,), lengths=lengths, starts=starts, reverse=reverse)
    for found, expected in zip(run.states[-1], end, strict=True):
        torch.testing.assert_close(found, expected.detach(), rtol=0, atol=1e-12)
    for k, t in enumerate(run.order):
        h = torch.where((t < lengths)[:, None], run.states[k + 1].h, 0.0)
        torch.testing.assert_close(h, y[:, t].detach(), rtol=0, atol=1e-12)


def test_a_pull_is_the_transposed_jacobian() -> None:
    torch.manual_seed(0)
    layer, x = LSTM(2, 3, dtype=torch.float64), torch.randn(2, 4, 2).double()
    run = Recurrence(layer, (x,))
    rows = {name: torch.randn(2, 5, 3).double() for name in ("h", "c")}
    found = run.pull(2, rows)
    before = type(run.states[2])(*(slot.clone().requires_grad_() for slot in run.states[2]))
    _, after = layer.step(x[:, 2], before)
    for row in range(5):
        total = sum((getattr(after, n) * rows[n][:, row]).sum() for n in rows)
        expected = torch.autograd.grad(total, list(before), retain_graph=True)
        for name, gradient in zip(("h", "c"), expected, strict=True):
            torch.testing.assert_close(found[name][:, row], gradient, rtol=0, atol=1e-12)


def test_the_dtype_is_the_copy_s() -> None:
    layer = GRU(2, 3)
    run = Recurrence(layer, (torch.randn(2, 4, 2),), dtype=torch.float64)
    assert run.states[-1].h.dtype == torch.float64
    assert layer.input_weight.dtype == torch.float32


def test_a_container_is_refused() -> None:
    with pytest.raises(SpecError, match="expected a GRU, LSTM, RNN, MinGRU or GRUD"):
        Recurrence(Stack([GRU(2, 3)]), (torch.randn(2, 4, 2),))  # type: ignore[arg-type]  # it is refused
