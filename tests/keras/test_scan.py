"""The loop on `keras.ops` is the recurrence, step by step, and dropout masks reach each gate."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import pytest
import torch

from recurra.keras.scan import Step, dropped, projected, scanned

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="Keras runs on another backend"
)
# h_t = 2 h_{t-1} + x_t: every order and every mask gives other numbers.
DOUBLE = Step(project=lambda x: x, advance=lambda states, x: (2 * states[0] + x,))
X = torch.tensor([1.0, 10.0, 100.0])[None, :, None]
ZERO = [torch.zeros(1, 1)]


@pytest.mark.parametrize("unroll", [False, True])
def test_order_and_mask(unroll: bool) -> None:
    y, end = scanned(DOUBLE, X, ZERO, None, False, unroll=unroll)
    assert y.flatten().tolist() == [1, 12, 124]
    assert end[0].item() == 124
    y, _ = scanned(DOUBLE, X, ZERO, None, True, unroll=unroll)
    assert y.flatten().tolist() == [100, 210, 421]
    mask = torch.tensor([[True, False, True]])
    y, end = scanned(DOUBLE, X, ZERO, mask, False, unroll=unroll)
    assert y.flatten().tolist() == [1, 1, 102]


def test_each_gate_has_its_own_mask() -> None:
    h = torch.ones(1, 2)
    masks = [torch.tensor([[0.0, 2.0]]), torch.tensor([[2.0, 0.0]])]
    assert [a.tolist() for a in dropped(h, masks, 2)] == [[[0, 2]], [[2, 0]]]
    assert [a.tolist() for a in dropped(h, masks[0], 2)] == [[[0, 2]], [[0, 2]]]
    assert dropped(h, None, 3) == [h, h, h]


def test_inputs_are_projected_gate_by_gate() -> None:
    """One mask for all is one product; several give the same as products apart."""
    cell = SimpleNamespace(kernel=torch.randn(3, 4))
    x, bias = torch.randn(2, 5, 3), torch.randn(4)
    masks = [torch.rand(2, 3), torch.rand(2, 3)]
    apart = projected(cell, x, masks, 2, bias)
    for gate, mask in enumerate(masks):
        wanted = projected(cell, x, mask, 2, bias)[..., 2 * gate : 2 * gate + 2]
        torch.testing.assert_close(apart[..., 2 * gate : 2 * gate + 2], wanted)
    torch.testing.assert_close(projected(cell, x, None, 2, None), x @ cell.kernel)
